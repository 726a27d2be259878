"""An answer in a real browser, from its start to its end, whatever happens to the way there."""

from tests.browser import browser
from tests.upstream.faults import HoldAfter
from tests.web.conftest import NETWORK
from tests.web.desk import Desk

WORDS = ["One ", "two ", "three ", "four ", "five."]
TEXT = "One two three four five."


def test_an_answer_shows_who_gives_it_then_its_words_then_its_receipt(desk, vendors):
    vendors.says("claude", WORDS, input_tokens=31, output_tokens=110)
    vendors.fails("claude", HoldAfter(0))
    desk.ask()
    assert "claude-haiku-5-5" in desk.sees("claude", ".route")
    assert desk.words() == ""
    vendors.release()
    desk.sees("Done")
    assert desk.words().endswith(TEXT)
    assert "31 tokens in, 110 out" in desk.sees("Receipt")
    meters = desk.sees("In all", ".meters")
    assert "–" not in meters
    assert "$" in meters


def test_words_are_shown_as_they_come(desk, vendors):
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(2))
    desk.ask()
    desk.sees("One two")
    assert "three" not in desk.words()
    vendors.release()
    desk.sees("Done")


def test_stop_closes_the_vendors_connection_and_shows_what_it_cost(desk, vendors):
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(2))
    desk.ask()
    desk.sees("One two")
    before = len(vendors.attempts)
    desk.browser.click(".stop")
    desk.sees("Stopped")
    desk.sees("at your word")
    desk.sees("cancelled", ".receipt")
    assert desk.words().endswith("One two")
    vendors.wait_for(lambda: vendors.open_sockets == 0)
    assert len(vendors.attempts) == before


def test_a_cut_connection_loses_nothing_and_buys_nothing(at, wire, vendors):
    desk = at(wire.url).open("#/leads/demo_01")
    desk.expected += [NETWORK]
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(2))
    before = len(vendors.attempts)
    desk.ask()
    desk.sees("One two")
    wire.cut()
    desk.sees("Reconnecting, nothing is lost")
    vendors.release()
    desk.sees("Done")
    assert desk.words().endswith(TEXT)
    assert desk.words().count("One") == 1
    assert len(vendors.attempts) == before + 1


def test_the_button_that_drops_the_connection_keeps_its_promise(desk, vendors):
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(3))
    desk.ask()
    desk.sees("One two three")
    desk.browser.click("button", "Drop my connection")
    vendors.release()
    desk.sees("Done")
    assert desk.words().endswith(TEXT)


def test_a_killed_server_completes_the_page_without_a_reload(desk, house, vendors):
    desk.expected += [NETWORK]
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(3))
    desk.ask()
    desk.sees("One two three")
    desk.browser.run("window.same = true")
    house.kill()
    desk.sees("Reconnecting, nothing is lost")
    house.run()
    desk.sees("Done")
    assert desk.words().endswith(TEXT)
    assert desk.words().count("One") == 1
    assert desk.browser.run("return window.same")


def test_a_hidden_tab_goes_on_reading(wire, vendors):
    """A hidden page has no animation frames; what it shows is told to the tab in front of it."""
    with browser(throttled=True) as other:
        desk = Desk(other, wire.url).open("#/leads/demo_01")
        vendors.says("claude", WORDS)
        vendors.fails("claude", HoldAfter(2))
        other.element("main h1")
        other.run(
            """new MutationObserver(() => {
                 if (document.hidden) localStorage.shown = document.querySelector(".run").innerText;
               }).observe(document.body, { subtree: true, childList: true, characterData: 1 });"""
        )
        desk.choose("conversation", message="hello")
        wire.hold()
        desk.start()
        other.new_tab()
        wire.flow()
        other.open(f"{wire.url}/livez")
        for shown in ("One two", "Done"):
            seen = "return localStorage.shown?.includes(arguments[0]) && localStorage.shown"
            text = other.until(seen, shown)
            vendors.release()
        assert TEXT in text


def test_a_stream_has_an_address_that_joins_it_and_later_replays_it(desk, house, vendors):
    vendors.says("claude", WORDS)
    vendors.fails("claude", HoldAfter(2))
    before = len(vendors.attempts)
    desk.ask()
    desk.sees("One two")
    address = f"#/streams/{desk.stream_id()}"
    desk.open(address)
    desk.sees("One two")
    vendors.release()
    desk.sees("Done")
    desk.open(address)
    desk.sees("Done")
    assert desk.words().endswith(TEXT)
    assert "Dana Okafor" in desk.sees("Dana", "main h1")
    assert len(vendors.attempts) == before + 1


def test_the_history_leads_to_what_was_said(desk, vendors):
    vendors.says("claude", ["Something ", "memorable."])
    desk.ask()
    desk.sees("Done")
    desk.open("#/leads/demo_02")
    desk.browser.click(".tabs button", "history")
    desk.browser.click(".list a", "Conversation")
    desk.sees("Something memorable.")
