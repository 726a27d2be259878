"""One vendor fails in view of the reader and another one takes over: nothing is told twice."""

import contextlib

import pytest

from tests.serving import text, words
from tests.upstream.addresses import nobody
from tests.upstream.faults import CutAfter, HoldAfter
from tests.upstream.oddities import TruncatedJson
from tests.vendors.running import ask, serve_vendors

CEREBRAS_SAYS = [f"c{number} " for number in range(1, 61)]
CLAUDE_SAYS = words(60)
CLAUDE_PIECES = CLAUDE_SAYS.replace(" ", "| ").split("|")
CONTINUED = [f"d{number} " for number in range(1, 61)]
CUT = {
    "cut after 40 of 60": (CutAfter(40), 40, "upstream_truncated"),
    "stalled after 20": (HoldAfter(20), 20, "upstream_idle"),
    "one broken event": (TruncatedJson(30), 30, "upstream_protocol"),
}


@pytest.fixture(autouse=True)
def said(vendors, well_and_given_up):
    """Sixty words each, and not the same ones."""
    vendors.says("cerebras", CEREBRAS_SAYS)
    vendors.says("claude", CLAUDE_PIECES)


def before_the_reset(body):
    return text(body.partition(b'"type":"reset"')[0].rpartition(b"\n\n")[0] + b"\n\n")


@pytest.mark.parametrize("name", CUT)
def test_a_cut_answer_is_told_anew_and_whole_behind_a_reset(impatient, vendors, name):
    fault, shown, code = CUT[name]
    vendors.fails("cerebras", fault)
    told = ask(impatient)
    (reset,) = told.of("reset")
    assert (reset["reason"], reset["provider"]) == ("failover", "claude")
    assert before_the_reset(told.body) == "".join(CEREBRAS_SAYS[:shown])
    assert told.last["type"] == "complete"
    assert (told.text, told.stored["text"]) == (CLAUDE_SAYS, CLAUDE_SAYS)
    assert told.outcomes == [("cerebras", "failed"), ("claude", "ok")]
    assert told.attempts[0]["error"] == code
    assert [route["provider"] for route in told.of("route")] == ["cerebras", "claude"]
    # Both were bought, and both are paid for.
    assert all(attempt["cost_usd"] > 0 for attempt in told.attempts)
    assert told.metadata["output_tokens"] == sum(a["output_tokens"] for a in told.attempts)


def test_a_refused_connection_fails_over_without_a_reset(vendors, tmp_path):
    with contextlib.ExitStack() as stack:
        variables = vendors.env() | {"CEREBRAS_BASE_URL": stack.enter_context(nobody())}
        server = stack.enter_context(serve_vendors(tmp_path, variables))
        told = ask(server)
    assert (told.last["type"], told.text) == ("complete", CLAUDE_SAYS)
    assert not told.of("reset")
    assert told.outcomes == [("cerebras", "failed")] * 3 + [("claude", "ok")]
    assert {a["error"] for a in told.attempts[:3]} == {"provider_unavailable"}


def test_who_asks_to_fail_keeps_the_words_so_far(server, vendors):
    vendors.fails("cerebras", CutAfter(40))
    told = ask(server, on_failure="fail")
    partial = "".join(CEREBRAS_SAYS[:40])
    assert (told.last["type"], told.last["error"]["code"]) == ("error", "upstream_truncated")
    assert (told.text, told.stored["text"]) == (partial, partial)
    assert not told.of("reset")
    assert told.outcomes == [("cerebras", "failed")]


def test_a_model_that_can_goes_on_from_its_own_words(server, vendors):
    def the_rest(body):
        last = body["messages"][-1]
        return CONTINUED[40:] if last.get("prefix") else CONTINUED

    vendors.says("deepseek", the_rest)
    vendors.fails("deepseek", CutAfter(40))
    told = ask(server, "deepseek", on_failure="continue")
    assert (told.last["type"], told.text) == ("complete", "".join(CONTINUED))
    assert not told.of("reset")
    assert [route.get("stitched") for route in told.of("route")] == [None, True]
    assert told.outcomes == [("deepseek", "failed"), ("deepseek", "ok")]
    assert told.stored["text"] == "".join(CONTINUED)
    went_on = vendors.attempts_at("deepseek")[-1].body["messages"][-1]
    begun = "".join(CONTINUED[:40])
    assert went_on == {"role": "assistant", "content": begun, "prefix": True}


def test_a_model_that_cannot_go_on_begins_anew_elsewhere(server, vendors):
    vendors.fails("cerebras", CutAfter(40))
    told = ask(server, on_failure="continue")
    assert (told.last["type"], told.text) == ("complete", CLAUDE_SAYS)
    assert [reset["reason"] for reset in told.of("reset")] == ["failover"]


def test_a_second_cut_ends_the_answer(server, vendors):
    """Who has been told to forget once is not told so again and again."""
    vendors.fails("cerebras", CutAfter(40))
    vendors.fails("claude", CutAfter(20))
    told = ask(server)
    assert (told.last["type"], told.last["error"]["code"]) == ("error", "upstream_truncated")
    assert len(told.of("reset")) == 1
    assert told.text == words(20)
    assert told.outcomes == [("cerebras", "failed"), ("claude", "failed")]
