"""The console before anything was done, and the first thing that is done there."""

import re

import pytest

from tests.serving import serve
from tests.upstream.faults import HoldAfter
from tests.web.desk import qualified

QUOTE = "our month-end close went from 4 days to 9"


@pytest.mark.parametrize("prefix", ["", "/sales"])
def test_an_empty_console_offers_leads_and_one_click_qualifies_one_without_a_model(
    at, tmp_path, prefix
):
    with serve(tmp_path, providers="", scripted="off", root_path=prefix) as server:
        qualify_the_first(at(server.url + prefix).open(), prefix)


def qualify_the_first(desk, prefix):
    desk.browser.click("button", "Load eight fictional leads")
    assert "Dana Okafor" in desk.sees("Dana Okafor", ".side")
    assert desk.browser.run("return document.querySelectorAll('.list li').length") == 8
    desk.start()
    desk.sees("Done")
    shown = desk.sees("By rules alone", ".score")
    assert re.search(r"^45\b", shown)
    assert "Warm" in shown
    components = desk.sees("Industry", ".components")
    assert components.count("/1") >= 6
    marks = desk.browser.run(
        "return [...document.querySelectorAll('mark')].map((m) => m.innerText)"
    )
    assert {"b2b software", "420", "US", "VP Finance"} <= set(marks)
    assert "No model was asked" in desk.sees("No model was asked", ".warnings")
    desk.browser.click("button", "Copy as curl")
    assert f"{prefix}/api/agents/qualification/stream" in desk.sees("curl -N", ".snippet")


def test_what_a_model_quotes_is_marked_in_the_leads_own_words(desk, vendors):
    evidence = {"component": "pain", "level": "stated", "quote": QUOTE, "by": None}
    vendors.says("claude", qualified(evidence))
    desk.choose("qualification").start()
    desk.sees("Done")
    assert QUOTE in desk.sees("Pain", ".components")
    marks = "return [...document.querySelectorAll('.record mark')].map((mark) => mark.innerText)"
    assert desk.browser.run(marks) == [QUOTE]
    assert "Dana wants an answer." in desk.words()
    assert "By a model" in desk.sees("Warm", ".score")


def test_a_lead_is_found_by_any_part_of_what_is_known(desk):
    desk.browser.type("input[type=search]", "cto cobalt")
    desk.browser.until("return document.querySelectorAll('.list li').length === 1")
    desk.sees("Maribel Quintana", ".list")


def test_the_keyboard_alone_is_enough(desk, vendors):
    """Tab to the agents, arrow to one, Enter starts, Escape stops."""
    vendors.says("claude", ["It ", "goes ", "on."])
    vendors.fails("claude", HoldAfter(1))
    desk.browser.element(".choices")
    desk.browser.run("document.querySelector('input[name=agent]:checked').focus()")
    chosen = "return document.querySelector('input[name=agent]:checked').value"
    while desk.browser.run(chosen) != "conversation":
        desk.browser.press("down")
    desk.sees("remembers the conversation", ".about")
    desk.browser.press("tab")
    assert desk.browser.run("return document.activeElement.id") == "input-message"
    desk.browser.press(*"hello")
    desk.browser.press("tab", "tab")
    focused = (
        "const e = document.activeElement; return [e.innerText, getComputedStyle(e).outlineStyle]"
    )
    assert desk.browser.run(focused) == ["Reply", "solid"]
    desk.browser.press("enter")
    desk.sees("It", ".words")
    desk.browser.press("escape")
    desk.sees("Stopped")


def test_a_screen_reader_is_told_the_beginning_and_the_end_and_no_token(desk, vendors):
    vendors.says("claude", [f"word{n} " for n in range(60)], pace_s=0.01)
    desk.listen()
    desk.ask()
    desk.sees("Done")
    assert desk.heard()[-2:] == ["Conversation is writing.", "Conversation is done."]
    assert len(desk.heard()) <= 3
    live = "return [...document.querySelectorAll('[aria-live]')].length"
    assert desk.browser.run(live) == 0


def test_a_phone_shows_one_thing_at_a_time_and_nothing_is_wider_than_it(desk):
    desk.browser.size(390, 844)
    try:
        desk.open()
        desk.browser.click(".list a", "Dana Okafor")
        desk.sees("Dana Okafor", "main h1")
        assert not desk.browser.run("return document.querySelector('.side').checkVisibility()")
        desk.choose("growth").start()
        desk.sees("Done")
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert desk.browser.run(wide) <= 0
        desk.browser.click("a.back")
        desk.sees("Dana Okafor", ".list")
    finally:
        desk.browser.devtools("Emulation.clearDeviceMetricsOverride")
