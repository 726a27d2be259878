"""When a provider is not asked at all, and what is said of it."""

import json

import pytest

import errors
from resilience.gate import Gate


@pytest.fixture
def gate(clock):
    return Gate("deepseek", "digest", clock=clock)


def throttled(seconds):
    return errors.Throttled("too many requests", retry_after_s=seconds)


def again(gate, clock, *, fingerprint="digest", after=0.0):
    """The same gate in the next process, `after` seconds later."""
    born_again = Gate("deepseek", fingerprint, clock=clock)
    born_again.restore(json.loads(json.dumps(gate.to_state(wall=1000))), wall=1000 + after)
    return born_again


def test_a_gate_is_clear_until_something_closes_it(gate):
    assert gate.peek() == (True, "clear", None, "")


def test_a_throttle_closes_it_until_its_time(gate, clock):
    gate.note(throttled(20))
    clock.move(5)
    assert gate.peek() == (
        False,
        "upstream_throttled",
        15,
        "deepseek is not asked for another 15 s: too many requests",
    )
    clock.move(15)
    assert gate.peek().allowed


def test_a_shorter_wish_does_not_open_it_sooner(gate, clock):
    gate.note(throttled(20))
    gate.note(throttled(5))
    clock.move(19)
    assert not gate.peek().allowed


@pytest.mark.parametrize(
    "fault",
    [
        errors.Throttled("no time named"),
        errors.Throttled("no time at all", retry_after_s=0),
        errors.UpstreamError("down", retry_after_s=20),
        errors.Rejected("prompt"),
    ],
    ids=repr,
)
def test_other_faults_are_not_its_matter(gate, fault):
    gate.note(fault)
    assert gate.peek().allowed


@pytest.mark.parametrize("kind", [errors.Unauthorized, errors.OutOfCredit])
def test_a_refused_key_or_balance_closes_it_and_says_so(gate, clock, kind):
    gate.note(kind("the key is not accepted"))
    clock.move(3500)
    verdict = gate.peek()
    assert (verdict.allowed, verdict.state) == (False, kind.code)
    assert "the key is not accepted" in verdict.why


def test_nobody_is_left_alone_for_more_than_an_hour(gate, clock):
    for fault in throttled(86_400), errors.OutOfCredit("empty"), errors.Unauthorized("key"):
        gate.note(fault)
        assert gate.peek().retry_after_s == 3600
        clock.move(3600)
        assert gate.peek().allowed


def test_a_restart_does_not_open_it(gate, clock):
    gate.note(throttled(60))
    verdict = again(gate, clock, after=20).peek()
    assert (verdict.state, verdict.retry_after_s) == ("upstream_throttled", 40)
    assert again(gate, clock, after=60).peek().allowed


def test_another_configuration_opens_it(gate, clock):
    gate.note(errors.Unauthorized("the key is not accepted"))
    assert not again(gate, clock).peek().allowed
    assert again(gate, clock, fingerprint="new").peek().allowed


def test_a_clock_that_was_set_back_closes_it_no_longer(gate, clock):
    gate.note(throttled(60))
    assert again(gate, clock, after=-7200).peek().retry_after_s == 60


def test_a_clear_gate_is_clear_after_a_restart(gate, clock):
    assert again(gate, clock).peek() == (True, "clear", None, "")
    gate.restore({}, wall=0)
    assert gate.peek().allowed
