"""The candidates: who may be tried, and what is known of them over a restart."""

import asyncio
import json
import logging

import pytest

import errors
from tests.routing.fakes import HANG, Fake, Pause, candidates, read, router_of, whole

pytestmark = pytest.mark.anyio


def restarted(router, *providers, wall=0.0, states=None, **said):
    """A router of the next process, which has read what the last one saved as JSON."""
    saved = json.loads(json.dumps(router.candidates.unsaved() if states is None else states))
    later = router_of(*providers, wall=lambda: wall, **said)
    later.candidates.restore(saved)
    return later


def state_of(router):
    """How its candidates stand, by name."""
    return {
        c.name: (c.gate.peek().state, c.breaker.peek().state, round(c.estimate.ttft_ms))
        for c in router.candidates
    }


async def test_every_provider_and_model_is_a_candidate_in_the_order_given():
    found = candidates(Fake("a", models=("one", "two")), Fake("b"))
    assert [candidate.name for candidate in found] == ["a/one", "a/two", "b/m"]


async def test_providers_names_the_only_candidates_and_their_rank():
    found = candidates(Fake("a"), Fake("b"), Fake("c"), providers=("c", "a"))
    assert {c.name: c.rank for c in found} == {"a/m": 2, "c/m": 1}


async def test_a_vendor_without_a_key_is_listed_and_says_what_is_missing():
    [candidate] = candidates(Fake("a", missing="A_KEY"))
    assert candidate.missing == "A_KEY"


async def test_a_model_has_a_breaker_and_an_estimate_of_its_own_and_shares_its_providers_gate():
    one, two = candidates(Fake("a", models=("one", "two")))
    assert one.breaker is not two.breaker
    assert one.estimate is not two.estimate
    assert one.gate is two.gate


async def test_only_who_was_asked_is_to_be_saved_and_only_once():
    router = router_of(Fake("a", [errors.Unreachable]), Fake("b"), Fake("c"))
    assert router.candidates.unsaved() == {}
    await read(router)
    assert list(router.candidates.unsaved()) == ["a/m", "b/m"]
    assert router.candidates.unsaved() == {}


async def test_what_an_answer_came_to_is_saved_also_when_it_was_saved_while_it_ran():
    router = router_of(Fake("a", [Pause(60), "word", errors.Reset]), breaker_threshold=1)
    reading = asyncio.create_task(read(router))
    await asyncio.sleep(30)
    router.candidates.unsaved()
    await reading
    assert router.candidates.unsaved()["a/m"]["breaker"]["state"] == "open"


async def test_what_a_failed_attempt_came_to_is_saved_while_the_next_one_is_waited_for():
    throttled = errors.Throttled("as told", retry_after_s=200)
    router = router_of(Fake("a", [throttled], whole("w")), retry_attempts=1)
    reading = asyncio.create_task(read(router))
    await asyncio.sleep(100)
    assert router.candidates.unsaved()["a/m"]["gate"]["code"] == "upstream_throttled"
    await reading


async def test_an_open_breaker_is_still_open_after_a_restart():
    dead = Fake("a", [errors.Unreachable])
    router = router_of(dead, wall=lambda: 0, breaker_threshold=1)
    await read(router)
    later = restarted(router, dead, wall=1, breaker_threshold=1)
    assert isinstance((await read(later)).error, errors.NoCandidate)
    assert dead.calls == 1
    much_later = restarted(router, dead, wall=10, states={}, breaker_threshold=1)
    assert state_of(much_later)["a/m"][1] == "closed"


async def test_the_time_until_the_restart_counts_for_an_open_breaker():
    router = router_of(Fake("a", [errors.Unreachable]), wall=lambda: 0, breaker_threshold=1)
    await read(router)
    later = restarted(router, Fake("a", whole("hello")), wall=10)
    assert (await read(later)).text == "hello", "as a probe"


async def test_a_closed_gate_is_still_closed_after_a_restart_and_open_for_another_key():
    refused = router_of(Fake("a", [errors.Unauthorized]), wall=lambda: 0, anthropic_api_key="old")
    await read(refused)
    states = refused.candidates.unsaved()
    same = restarted(refused, Fake("a"), wall=60, states=states, anthropic_api_key="old")
    assert state_of(same)["a/m"][0] == "provider_auth"
    other = restarted(refused, Fake("a"), wall=60, states=states, anthropic_api_key="new")
    assert state_of(other)["a/m"][0] == "clear"


async def test_no_key_is_in_what_is_saved():
    router = router_of(Fake("a", [errors.Unauthorized]), anthropic_api_key="sk-secret")
    await read(router)
    assert "sk-secret" not in json.dumps(router.candidates.unsaved())


@pytest.mark.parametrize("models", [("one", "two"), ("two", "one")])
async def test_a_gate_that_closed_later_is_not_opened_by_an_older_row_of_the_same_provider(models):
    """Model one answered and was saved; then model two was refused. The gate is theirs together."""
    wall = 0
    fake = Fake("a", whole("hello"), [errors.OutOfCredit], models=models)
    router = router_of(fake, wall=lambda: wall)
    await read(router, provider="a/one")
    saved = router.candidates.unsaved()
    wall = 5
    await read(router, provider="a/two")
    saved |= router.candidates.unsaved()
    for states in (saved, dict(reversed(saved.items()))):
        later = restarted(router, fake, wall=10, states=states)
        assert {gate for gate, _, _ in state_of(later).values()} == {"provider_billing"}


async def test_an_estimate_is_known_after_a_restart():
    slow = Fake("a", [Pause(20), *whole("w")])
    router = router_of(slow, wall=lambda: 0)
    await read(router)
    assert state_of(restarted(router, slow, wall=0))["a/m"][2] == 20_000


GOOD = {
    "gate": {"fingerprint": "f", "left_s": 5.0, "code": "provider_auth", "why": "w", "at": 0.0},
    "breaker": {"state": "open", "open_left_s": 3.0, "open_s": 5.0, "why": "w", "at": 0.0},
    "estimate": {"ttft_ms": 9000.0, "token_ms": 5.0, "at": 0.0},
}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        "closed",
        GOOD | {"gate": None},
        GOOD | {"breaker": {"state": "open"}},
        GOOD | {"estimate": {"ttft_ms": "fast", "token_ms": 5.0, "at": 0.0}},
        GOOD | {"estimate": {"ttft_ms": None, "token_ms": 5.0, "at": 0.0}},
        GOOD | {"estimate": {"ttft_ms": 1.0, "token_ms": 0.0, "at": 0.0}},
        GOOD | {"estimate": {"ttft_ms": -1.0, "token_ms": 5.0, "at": 0.0}},
        GOOD | {"estimate": {"ttft_ms": 1.0, "token_ms": 5.0, "at": "yesterday"}},
    ],
)
async def test_an_unreadable_state_is_forgotten_whole_with_a_warning(bad, caplog):
    router = router_of(Fake("a"), Fake("b"), wall=lambda: 0)
    before = state_of(router)["a/m"]
    with caplog.at_level(logging.WARNING, logger="leadstream.router"):
        router.candidates.restore({"a/m": bad, "b/m": GOOD})
    assert state_of(router)["a/m"] == before
    assert "a/m cannot be read" in caplog.text
    assert state_of(router)["b/m"][1:] == ("open", 9000), "the others are taken up"
    assert (await read(router)).error is None


async def test_what_is_known_of_a_model_that_is_gone_is_left_alone(caplog):
    candidates(Fake("a")).restore({"gone/m": None})
    assert caplog.text == ""


async def test_a_stop_is_nothing_to_remember():
    router = router_of(Fake("a", ["word", HANG]))
    before = state_of(router)
    await read(router, leave_after=2)
    assert state_of(router) == before
    later = restarted(router, Fake("a"))
    assert state_of(later) == before
