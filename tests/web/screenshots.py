"""Take the console's pictures for docs/: `python -m tests.web.screenshots`.

The leads are the demonstration's; what a model says is written here, by fake vendors.
"""

import json
import tempfile
from pathlib import Path

from tests.agents.models import LEADS, good_answer
from tests.browser import browser
from tests.serving import ROOT
from tests.upstream.faults import HoldAfter
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import NO_BREAKER, serve_vendors
from tests.web.desk import Desk, pieces

FOLDER = ROOT / "docs" / "screenshots"

REPLY = (
    "Thank you for asking. Plan changes in the middle of a billing cycle are **prorated "
    "automatically**, and prepaid credits are supported.\n\nShall I show you both with numbers "
    "of your own? A person from our team would join."
)
QUALIFICATION = good_answer(LEADS["lead_01"]) | {
    "summary": "Dana leads finance at a software company that moved to usage-based pricing. The "
    "month-end close doubled since, and they want to be live before the fiscal year starts."
}

COUNTS = {"input_tokens": 612, "output_tokens": 188, "pace_s": 0.004}


def judgement(body):
    """A qualification for whoever asks for one; the others do without a model."""
    asked = "You give no score and no points" in json.dumps(body)
    return pieces(json.dumps(QUALIFICATION)) if asked else ["{}"]


def take(page, name):
    page.screenshot(FOLDER / f"{name}.png")


def scheme(page, value):
    feature = {"name": "prefers-color-scheme", "value": value}
    page.devtools("Emulation.setEmulatedMedia", features=[feature])


def first_visit(page, desk):
    scheme(page, "light")
    page.size(1240, 820)
    desk.open()
    page.element("button", "Load eight fictional leads")
    take(page, "first-visit")
    page.click("button", "Load eight fictional leads")
    desk.sees("Dana Okafor", "main h1")


def qualification(page, desk):
    desk.choose("qualification").start()
    desk.sees("Done", ".status")
    page.size(1240, 1560)
    take(page, "qualification")
    page.size(1240, 820)
    scheme(page, "dark")
    take(page, "dark")
    scheme(page, "light")
    page.size(390, 844)
    page.run("document.querySelector('.run').scrollIntoView()")
    take(page, "phone")
    page.size(1240, 1080)
    page.run("scrollTo(0, 0)")


def streaming(page, desk, vendors):
    vendors.says("claude", pieces(REPLY), **COUNTS)
    vendors.fails("claude", HoldAfter(14))
    desk.choose("conversation", message="How do you handle credits and mid-cycle plan changes?")
    desk.start()
    desk.sees("prorated", ".words")
    page.run("scrollTo(0, 0)")
    take(page, "streaming")
    vendors.release()
    desk.sees("Done", ".status")
    page.run("scrollTo(0, 0)")


def workflow(page, desk, vendors):
    vendors.says("claude", judgement, **COUNTS)
    desk.choose("new_lead").start()
    desk.sees("Done", ".status")
    page.click(".steps summary", "Growth")
    page.run("scrollTo(0, 0)")
    take(page, "workflow")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, FakeVendors() as vendors:
        folder = Path(name)
        vendors.says("claude", judgement, **COUNTS)
        settings = {"providers": "claude", "breaker_threshold": NO_BREAKER}
        with serve_vendors(folder, vendors.env(), **settings) as server, browser() as page:
            desk = Desk(page, server.url)
            first_visit(page, desk)
            qualification(page, desk)
            streaming(page, desk, vendors)
            workflow(page, desk, vendors)
            assert page.complaints() == []


if __name__ == "__main__":
    main()
