"""One outcome per attempt, and what the breaker makes of them. The clock is moved by hand."""

import asyncio
import json
from contextlib import aclosing

import pytest

import errors
from resilience.circuit_breaker import CircuitBreaker
from tests.resilience.breaking import Hanging, Vendor, call, fail, state, succeed, throttle

pytestmark = pytest.mark.anyio


async def test_it_opens_then_probes_then_closes(breaker, clock, changes):
    await fail(breaker, 4)
    assert state(breaker) == "closed"
    await fail(breaker)
    assert state(breaker) == "open"
    clock.move(3.7)
    assert not breaker.peek().allowed
    clock.move(0.1)
    assert breaker.peek().allowed
    await succeed(breaker)
    assert state(breaker) == "closed"
    assert changes == [
        ("claude/sonnet", "closed", "open", "5 failures in a row"),
        ("claude/sonnet", "open", "half_open", "one request is let through to try it"),
        ("claude/sonnet", "half_open", "closed", "the probe was answered"),
    ]


async def test_what_is_yielded_and_raised_passes_unchanged(breaker):
    fault = errors.Reset("cut")
    assert await call(breaker, Vendor("a", "b")) == (["a", "b"], None)
    assert await call(breaker, Vendor("a", error=fault)) == (["a"], fault)


async def test_an_open_breaker_calls_nobody_and_says_for_how_long(breaker, clock):
    await fail(breaker, 5)
    clock.move(1)
    vendor = Vendor("word")
    _, refusal = await call(breaker, vendor)
    assert isinstance(refusal, errors.CircuitOpen)
    assert refusal.retry_after_s == pytest.approx(2.75)
    assert refusal.detail == (
        "claude/sonnet is left alone after 5 failures in a row; asked again in 3 s."
    )
    assert vendor.calls == 0


async def test_every_refusal_is_an_exception_of_its_own(breaker):
    await fail(breaker, 5)
    _, first = await call(breaker, Vendor())
    _, second = await call(breaker, Vendor())
    assert first is not second


async def test_a_success_breaks_a_row_of_failures(breaker):
    await succeed(breaker, 20)
    await fail(breaker, 4)
    await succeed(breaker)
    await fail(breaker)
    assert state(breaker) == "closed"


async def test_a_vendor_that_answers_in_between_opens_it_by_the_rate(breaker, changes):
    for _ in range(4):
        await succeed(breaker, 4)
        await fail(breaker)
    assert state(breaker) == "closed"
    await succeed(breaker, 3)
    await fail(breaker)
    assert state(breaker) == "open"
    assert changes[0][3] == "5 failures in 24 calls within 30 s"


async def test_four_of_five_is_healthy_enough(breaker):
    for _ in range(10):
        await succeed(breaker, 4)
        await fail(breaker)
    assert state(breaker) == "closed"


async def test_fewer_than_five_outcomes_are_no_rate(breaker):
    await succeed(breaker)
    await fail(breaker, 3)
    assert state(breaker) == "closed"


async def test_outcomes_older_than_the_window_are_no_part_of_the_rate(breaker, clock):
    await fail(breaker, 3)
    await succeed(breaker)
    clock.move(31)
    await succeed(breaker, 4)
    await fail(breaker)
    assert state(breaker) == "closed"
    await fail(breaker)
    assert state(breaker) == "open"


async def test_more_patience_than_the_sample_is_not_overruled_by_the_rate(clock):
    breaker = CircuitBreaker("patient", threshold=10, clock=clock)
    await fail(breaker, 9)
    assert state(breaker) == "closed"
    await fail(breaker)
    assert state(breaker) == "open"


def every_fault(kind=errors.Fault):
    for fault in kind.__subclasses__():
        yield fault
        yield from every_fault(fault)


@pytest.mark.parametrize("kind", sorted(set(every_fault()), key=lambda kind: kind.__name__))
async def test_the_blame_of_a_fault_decides_whether_it_counts(breaker, kind):
    for _ in range(5):
        await call(breaker, Vendor(error=kind("x", retry_after_s=1)))
    assert state(breaker) == ("open" if kind.blame == "failure" else "closed")


@pytest.mark.parametrize("error", [errors.Storage("full"), ValueError("a bug")])
async def test_our_own_errors_are_nothing_against_a_provider(breaker, error):
    for _ in range(20):
        assert await call(breaker, Vendor(error=error)) == ([], error)
    assert state(breaker) == "closed"


async def test_our_own_errors_do_not_break_a_row_of_failures(breaker):
    await fail(breaker, 4)
    await call(breaker, Vendor(error=ValueError("a bug")))
    await fail(breaker)
    assert state(breaker) == "open"


async def test_a_cut_stream_is_never_a_success(breaker):
    for _ in range(5):
        await call(breaker, Vendor("half an", error=errors.Truncated("no end marker")))
    assert state(breaker) == "open"


async def test_a_thousand_stops_change_nothing(breaker, changes):
    await fail(breaker, 4)
    stuck = Hanging("word")
    for _ in range(500):
        async with aclosing(breaker.call_streaming(stuck)) as stream:
            await anext(stream)
    for _ in range(500):
        task = asyncio.create_task(call(breaker, stuck))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stuck.closed == stuck.calls == 1000
    assert changes == []
    await fail(breaker)
    assert state(breaker) == "open"


async def test_an_error_of_closing_after_a_stop_counts_neither_way(breaker):
    async def breaks_when_closed():
        try:
            yield "word"
            yield "never read"
        finally:
            raise errors.Reset("the socket was gone")

    for _ in range(10):
        stream = breaker.call_streaming(breaks_when_closed)
        await anext(stream)
        with pytest.raises(errors.Reset):
            await stream.aclose()
    assert state(breaker) == "closed"


async def test_five_throttles_in_a_row_that_name_no_time_open_it(breaker, clock, changes):
    await throttle(breaker, 4)
    clock.move(30)
    assert state(breaker) == "closed"
    await throttle(breaker)
    assert state(breaker) == "open"
    assert changes[0][3] == "5 throttled calls in a row"


async def test_throttles_that_are_apart_or_name_a_time_are_the_gates(breaker, clock):
    await throttle(breaker, 50, retry_after_s=1)
    for _ in range(20):
        await throttle(breaker)
        clock.move(8)
    assert state(breaker) == "closed"


async def test_a_success_breaks_a_row_of_throttles(breaker):
    for _ in range(10):
        await throttle(breaker, 4)
        await succeed(breaker)
    assert state(breaker) == "closed"


async def test_a_listener_that_raises_replaces_nobodys_outcome(clock, caplog):
    def broken(*change):
        raise RuntimeError("the listener is broken")

    breaker = CircuitBreaker("x", threshold=1, clock=clock, on_change=broken)
    fault = errors.UpstreamError("down")
    assert await call(breaker, Vendor(error=fault)) == ([], fault)
    assert state(breaker) == "open"
    assert "the listener is broken" in caplog.text


@pytest.mark.parametrize(("passed", "left"), [(0, 3.75), (2, 1.75), (-3600, 3.75)])
async def test_an_open_breaker_is_still_open_after_a_restart(breaker, clock, passed, left):
    await fail(breaker, 5)
    kept = json.loads(json.dumps(breaker.to_state(wall=1_700_000_000)))
    born_again = CircuitBreaker("claude/sonnet", clock=clock, random=lambda: 0.5)
    born_again.restore(kept, wall=1_700_000_000 + passed)
    verdict = born_again.peek()
    assert (verdict.state, verdict.retry_after_s) == ("open", left)
    assert "5 failures in a row" in verdict.why


@pytest.mark.parametrize("kept", [{}, {"state": "closed"}])
async def test_a_closed_breaker_is_closed_after_a_restart(breaker, kept):
    breaker.restore(kept, wall=0)
    assert state(breaker) == "closed"
    breaker.restore(breaker.to_state(wall=0), wall=0)
    assert state(breaker) == "closed"
