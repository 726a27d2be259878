"""Every fault of a vendor, rows 18 to 60 of the catalogue, as a reader and a bill see it.

Each vendor is asked by name, so that nobody takes over; who takes over is in `test_failover`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from tests.upstream.addresses import NO_SUCH_HOST, black_hole, nobody, untrusted
from tests.upstream.catalogue import EVERY
from tests.upstream.faults import Fault, applies
from tests.upstream.script import Hold
from tests.vendors.running import VENDORS, WORDS, Told, ask, serve_vendors

WHOLE = "".join(WORDS)
FREE = "reported"
"""Of an attempt that the vendor does not bill: no tokens, and none of them guessed."""
GUESS = "estimated"


class Ends(NamedTuple):
    """How a stream ends: error code, its status, requests sent, where the counts come from."""

    code: str
    status: int
    tries: int = 3
    source: str = FREE


BEFORE_THE_FIRST_WORD = {
    "400": Ends("upstream_rejected", 502, 1),
    "404": Ends("model_not_found", 502, 1),
    "no such model": Ends("model_not_found", 502, 1),
    "408": Ends("upstream_error", 502),
    "409": Ends("upstream_error", 502),
    "413": Ends("prompt_too_large", 413, 1),
    "prompt too long": Ends("prompt_too_large", 413, 1),
    "422": Ends("upstream_rejected", 502, 1),
    "429": Ends("upstream_throttled", 429),
    "500": Ends("upstream_error", 502),
    "502": Ends("upstream_error", 502),
    "502 of a proxy": Ends("upstream_error", 502),
    "503": Ends("upstream_error", 502),
    "504": Ends("upstream_error", 502),
    "500 not to be tried again": Ends("upstream_error", 502, 1),
    "529": Ends("upstream_error", 502),
    "login page": Ends("upstream_protocol", 502),
    "error in a 200": Ends("upstream_error", 502),
    "redirect": Ends("upstream_protocol", 502, 1),
    "reset at once": Ends("upstream_reset", 502, 3, GUESS),
    "empty body": Ends("upstream_empty", 502, 3, GUESS),
    "no words": Ends("upstream_empty", 502, 3, "reported"),
}
CLOSES_A_GATE = {
    "401": Ends("provider_auth", 502, 1),
    "401 in plain text": Ends("provider_auth", 502, 1),
    "403": Ends("provider_auth", 502, 1),
    "402": Ends("provider_billing", 502, 1),
    "not paid": Ends("provider_billing", 502, 1),
    "spend limit": Ends("provider_billing", 502, 1),
    "429 with a long wait": Ends("upstream_throttled", 429, 1),
    "429 with a date": Ends("upstream_throttled", 429, 1),
}
SILENCE = {
    "hang before the head": Ends("upstream_timeout", 504, 3, GUESS),
    "hang after the head": Ends("upstream_timeout", 504, 3, GUESS),
    "only pings": Ends("upstream_timeout", 504, 3, GUESS),
    "hang": Ends("upstream_idle", 504, 1, GUESS),
}
AFTER_TWO_WORDS = {
    "reset": Ends("upstream_reset", 502, 1, GUESS),
    "reset inside a character": Ends("upstream_reset", 502, 1, GUESS),
    "cut without the last chunk": Ends("upstream_truncated", 502, 1, GUESS),
    "cut inside a character": Ends("upstream_truncated", 502, 1, GUESS),
    "clean end without an end marker": Ends("upstream_truncated", 502, 1, GUESS),
    "clean end inside a character": Ends("upstream_truncated", 502, 1, GUESS),
    "truncated JSON": Ends("upstream_protocol", 502, 1, GUESS),
    "invalid UTF-8": Ends("upstream_protocol", 502, 1, GUESS),
    "overloaded error event": Ends("upstream_error", 502, 1, GUESS),
    "server error event": Ends("upstream_error", 502, 1, GUESS),
    "20 MB event": Ends("upstream_too_large", 502, 1, GUESS),
    "gzip bomb": Ends("upstream_too_large", 502, 1, GUESS),
    "tool call cut open": Ends("upstream_truncated", 502, 1, GUESS),
    "wrong index": Ends("upstream_protocol", 502, 1, GUESS),
}
WHOLE_ALL_THE_SAME = {
    "byte by byte": (WHOLE, "stop"),
    "surrogate pair split": ("Hello🙂 Ada ♥ you", "stop"),
    "lone surrogate": ("Hello\ufffd Ada ♥ you", "stop"),
    "no usage": (WHOLE, "stop"),
    "usage twice": (WHOLE, "stop"),
    "words after the end": (WHOLE, "stop"),
    "gzip": (WHOLE, "stop"),
    "unknown events": (WHOLE, "stop"),
    "thinking first": (WHOLE, "stop"),
    "pings first": (WHOLE, "stop"),
    "length": (WHOLE, "length"),
    "context full": (WHOLE, "length"),
    "refusal": (WHOLE, "refusal"),
}
ALONE = {"429 with a short wait", "out of capacity", "endless"}
"""Those that have a test of their own."""
OTHERWISE = {
    # A day's quota ends by itself: the key is good, and no gate may stay closed for it.
    ("cerebras", "spend limit"): Ends("upstream_throttled", 429, 1),
    # Their word for being full, which is a 429 where there is a status.
    ("cerebras", "overloaded error event"): Ends("upstream_throttled", 429, 1, GUESS),
}
UNREACHABLE = {
    "nobody": (nobody, Ends("provider_unavailable", 503)),
    "black hole": (black_hole, Ends("provider_unavailable", 503)),
    "untrusted": (untrusted, Ends("upstream_tls", 502, 1)),
}


def test_the_tables_say_something_of_every_fault_in_the_catalogue():
    tables = [BEFORE_THE_FIRST_WORD, CLOSES_A_GATE, SILENCE, AFTER_TWO_WORDS]
    assert set().union(*tables, WHOLE_ALL_THE_SAME, ALONE) == set(EVERY)


def shown(names):
    """Each of these faults at each vendor that has a form for it."""
    cases = [(v, name) for name in names for v in VENDORS if applies(EVERY[name], v)]
    return pytest.mark.parametrize(("vendor", "name"), cases)


def ask_broken(server, vendors, vendor, name):
    """What is told when each attempt at that vendor meets that fault, and how many it met."""
    before = len(vendors.attempts_at(vendor))
    vendors.breaks(vendor, EVERY[name])
    try:
        told = ask(server, vendor)
    finally:
        vendors.breaks(vendor, None)
    return told, len(vendors.attempts_at(vendor)) - before


def assert_ended(told, ends, text=""):
    """By an `error` with the words so far, each attempt counted as it has to be."""
    error = told.last["error"]
    assert (told.last["type"], error["code"], error["status"]) == ("error", *ends[:2])
    assert (told.stored["status"], told.stored["text"], told.text) == ("failed", text, text)
    said = [(a["outcome"], a["error"], a["usage_source"]) for a in told.attempts]
    assert said == [("failed", ends.code, ends.source)] * ends.tries
    assert len(told.retries) == ends.tries - 1
    assert not told.of("reset")


def assert_billed(told, *, free):
    assert all((a["input_tokens"] + a["output_tokens"] == 0) == free for a in told.attempts)


@shown(BEFORE_THE_FIRST_WORD)
def test_a_fault_before_the_first_word_is_told(server, vendors, vendor, name):
    ends = OTHERWISE.get((vendor, name), BEFORE_THE_FIRST_WORD[name])
    told, sent = ask_broken(server, vendors, vendor, name)
    assert_ended(told, ends)
    assert_billed(told, free=ends.source == FREE and name != "no words")
    assert sent == ends.tries


@dataclass(frozen=True)
class Late(Fault):
    """Another fault, once it is released."""

    of: Fault

    def script(self, voice):
        yield Hold()
        yield from self.of.script(voice)


def test_faults_that_close_a_gate_are_told_and_nobody_is_asked_again(vendors, tmp_path):
    """All are asked before the first is answered: what one closes would keep the others back."""
    with serve_vendors(tmp_path, vendors.env()) as server:
        for vendor in VENDORS:
            names = [name for name in CLOSES_A_GATE if applies(EVERY[name], vendor)]
            before = len(vendors.attempts)
            started = {}
            for number, name in enumerate(names, before):
                vendors.fails(vendor, Late(EVERY[name]))
                started[name] = server.start(provider=vendor)
                vendors.wait_for(lambda number=number: vendors.attempts[number].holding)
            vendors.release()
            for name in names:
                told = Told(server, started[name])
                assert_ended(told, OTHERWISE.get((vendor, name), CLOSES_A_GATE[name]))
                assert_billed(told, free=True)
            refused = ask(server, vendor)
            assert refused.last["error"]["code"] == "provider_unavailable"
            assert refused.attempts == []
            assert len(vendors.attempts) - before == len(names)


@pytest.mark.parametrize("name", SILENCE)
def test_silence_is_ended_by_our_own_timer(impatient, vendors, name):
    able = [vendor for vendor in VENDORS if applies(EVERY[name], vendor)]
    ends = SILENCE[name]
    for vendor in able:
        vendors.fails(vendor, *[EVERY[name]] * ends.tries)
    started = {vendor: impatient.start(provider=vendor) for vendor in able}
    for vendor in able:
        told = Told(impatient, started[vendor])
        counted = counts_of(ends, counted=(vendor, name) == ("claude", "hang"))
        assert_ended(told, counted, "Hello" if name == "hang" else "")
        assert_billed(told, free=False)


@shown(AFTER_TWO_WORDS)
def test_a_fault_in_the_middle_keeps_the_words_so_far(server, vendors, vendor, name):
    ends = OTHERWISE.get((vendor, name), AFTER_TWO_WORDS[name])
    told, sent = ask_broken(server, vendors, vendor, name)
    assert_ended(told, counts_of(ends, counted=vendor == "claude"), "Hello")
    assert_billed(told, free=False)
    assert sent == 1


def counts_of(ends, *, counted):
    """Claude reports its input before it answers; the rest is a guess there too."""
    return ends._replace(source="mixed") if counted else ends


@shown(WHOLE_ALL_THE_SAME)
def test_what_is_only_odd_is_a_whole_answer(server, vendors, vendor, name):
    told, sent = ask_broken(server, vendors, vendor, name)
    text, reason = WHOLE_ALL_THE_SAME[name]
    assert (told.last["type"], told.metadata["finish_reason"]) == ("complete", reason)
    assert (told.text, told.stored["text"]) == (text, text)
    (attempt,) = told.attempts
    source = GUESS if name == "no usage" else "reported"
    assert (attempt["outcome"], attempt["usage_source"]) == ("ok", source)
    counts = (attempt["input_tokens"], attempt["output_tokens"])
    assert (counts == (31, 110)) == (source == "reported")
    assert sent == 1


def test_a_vendor_that_ran_out_of_capacity_has_failed_though_it_finished(server, vendors):
    told, sent = ask_broken(server, vendors, "deepseek", "out of capacity")
    assert_ended(told, Ends("upstream_error", 502, 1, "mixed"), WHOLE)
    assert sent == 1


def test_a_short_wait_that_a_vendor_asks_for_is_kept(server, vendors):
    for vendor in VENDORS:
        vendors.fails(vendor, EVERY["429 with a short wait"])
    # All at once: it is one second's wait for the four of them.
    started = {vendor: server.start("hello", provider=vendor) for vendor in VENDORS}
    for vendor in VENDORS:
        told = Told(server, started[vendor])
        assert [warning["code"] for warning in told.retries] == ["waiting"]
        assert (told.last["type"], told.text) == ("complete", WHOLE)
        assert told.outcomes == [(vendor, "failed"), (vendor, "ok")]
        refused, answered = vendors.attempts_at(vendor)[-2:]
        assert answered.opened_s - refused.opened_s >= 1


def test_an_endless_answer_is_cut_and_is_an_answer(impatient, vendors):
    for vendor in VENDORS:
        vendors.fails(vendor, EVERY["endless"])
    started = {vendor: impatient.start(provider=vendor) for vendor in VENDORS}
    for vendor in VENDORS:
        told = Told(impatient, started[vendor])
        assert told.text.startswith(" more more")
        assert told.last["type"] == "complete"
        assert told.metadata["finish_reason"] == "length"
        source = "mixed" if vendor == "claude" else GUESS
        (attempt,) = told.attempts
        assert (attempt["outcome"], attempt["usage_source"]) == ("ok", source)


@pytest.mark.parametrize("place", UNREACHABLE)
def test_a_vendor_that_cannot_be_reached_is_told(vendors, tmp_path, place):
    address, ends = UNREACHABLE[place]
    with address() as url:
        assert_unreachable(tmp_path, vendors, url, ends)


def test_a_host_that_does_not_exist_is_told(vendors, tmp_path):
    assert_unreachable(tmp_path, vendors, NO_SUCH_HOST, Ends("provider_unavailable", 503))


def assert_unreachable(folder, vendors, url, ends):
    moved = {n: url if n.endswith("_URL") else said for n, said in vendors.env().items()}
    with serve_vendors(folder, moved, connect_timeout_s=0.2) as server:
        for vendor in VENDORS:
            told = ask(server, vendor)
            assert_ended(told, ends)
            assert_billed(told, free=True)
