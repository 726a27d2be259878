"""Half open: one call is let through, and what becomes of it decides."""

import asyncio
from contextlib import aclosing

import pytest

import errors
from resilience.circuit_breaker import CircuitBreaker
from tests.resilience.breaking import Hanging, Vendor, call, fail, state, succeed, throttle

pytestmark = pytest.mark.anyio


async def half_open(breaker, clock):
    await fail(breaker, 5)
    clock.move(3.75)


async def test_a_hundred_starts_on_a_half_open_breaker_make_one_call(breaker, clock):
    await half_open(breaker, clock)
    vendor = Hanging()
    starts = [asyncio.create_task(call(breaker, vendor)) for _ in range(100)]
    for _ in range(5):
        await asyncio.sleep(0)
    done = [task for task in starts if task.done()]
    [probe] = [task for task in starts if not task.done()]
    assert vendor.calls == 1
    assert len(done) == 99
    assert {type(task.result()[1]) for task in done} == {errors.CircuitOpen}
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe


async def test_the_probe_closes_it_with_its_first_content(breaker, clock):
    await half_open(breaker, clock)
    is_word = "word".__eq__
    async with aclosing(
        breaker.call_streaming(Vendor("thinking", "word", "more"), is_content=is_word)
    ) as stream:
        await anext(stream)
        assert state(breaker) == "half_open"
        assert not breaker.peek().allowed
        await anext(stream)
        assert state(breaker) == "closed"


async def test_how_the_probe_ends_counts_in_the_fresh_window(breaker, clock):
    await half_open(breaker, clock)
    await call(breaker, Vendor("word", error=errors.Reset("cut")))
    assert state(breaker) == "closed"
    await fail(breaker, 4)
    assert state(breaker) == "open"


async def test_a_probe_that_fails_opens_it_for_twice_as_long(breaker, clock):
    await half_open(breaker, clock)
    await fail(breaker)
    assert breaker.peek().retry_after_s == 7.5


async def test_it_stays_open_twice_as_long_each_time_up_to_five_minutes(clock):
    breaker = CircuitBreaker("dead", clock=clock, random=lambda: 0.999_999)
    await fail(breaker, 5)
    times = []
    for _ in range(2000):
        times.append(round(breaker.peek().retry_after_s))
        clock.move(300)
        await fail(breaker)
    assert times[:8] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert times[-1] == 300


async def test_half_of_the_open_time_is_jitter(clock):
    breaker = CircuitBreaker("eager", clock=clock, random=lambda: 0.0)
    await fail(breaker, 5)
    assert breaker.peek().retry_after_s == 2.5


async def test_a_success_makes_the_next_open_time_short_again(breaker, clock):
    await half_open(breaker, clock)
    await fail(breaker)
    clock.move(7.5)
    await succeed(breaker)
    await fail(breaker, 5)
    assert breaker.peek().retry_after_s == 3.75


async def test_an_end_without_content_closes_it_too(breaker, clock):
    await half_open(breaker, clock)
    await call(breaker, Vendor())
    assert state(breaker) == "closed"


@pytest.mark.parametrize("error", [errors.Rejected("prompt"), ValueError("a bug")])
async def test_a_probe_that_learnt_nothing_gives_its_permit_back(breaker, clock, error):
    await half_open(breaker, clock)
    await call(breaker, Vendor(error=error))
    assert state(breaker) == "half_open"
    assert breaker.peek().allowed


async def test_a_stopped_probe_gives_its_permit_back(breaker, clock):
    await half_open(breaker, clock)
    probe = asyncio.create_task(call(breaker, Hanging()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not breaker.peek().allowed
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert breaker.peek().allowed


async def test_a_lost_probe_makes_room_after_a_minute_and_is_heard_no_more(breaker, clock):
    await half_open(breaker, clock)
    lost = breaker.call_streaming(Vendor("thinking", "word"), is_content="word".__eq__)
    await anext(lost)
    clock.move(59)
    assert not breaker.peek().allowed
    clock.move(1)
    second = breaker.call_streaming(Vendor("thinking", "word"), is_content="word".__eq__)
    await anext(second)
    await anext(lost)
    assert state(breaker) == "half_open"
    await lost.aclose()
    assert not breaker.peek().allowed
    await anext(second)
    assert state(breaker) == "closed"
    await second.aclose()


async def test_a_late_success_from_before_does_not_close_it(breaker, clock):
    old = breaker.call_streaming(Vendor("word"))
    await anext(old)
    await half_open(breaker, clock)
    probe = breaker.call_streaming(Vendor("thinking"), is_content=lambda item: False)
    await anext(probe)
    assert [item async for item in old] == []
    assert state(breaker) == "half_open"
    await probe.aclose()


async def test_late_failures_from_before_do_not_open_it_again(breaker, clock):
    cut = Vendor("word", error=errors.Reset("cut"))
    old = [breaker.call_streaming(cut) for _ in range(10)]
    for stream in old:
        await anext(stream)
    await half_open(breaker, clock)
    await succeed(breaker)
    for stream in old:
        with pytest.raises(errors.Reset):
            await anext(stream)
    assert state(breaker) == "closed"


async def test_throttled_probes_are_not_let_through_for_ever(breaker, clock):
    await half_open(breaker, clock)
    await throttle(breaker, 5)
    assert state(breaker) == "open"


async def test_peeking_takes_no_permit(breaker, clock):
    await half_open(breaker, clock)
    for _ in range(3):
        assert breaker.peek().allowed
    await succeed(breaker)
    assert state(breaker) == "closed"


async def test_after_a_restart_a_dead_provider_is_probed_by_one_and_left_alone_longer(
    breaker, clock
):
    await half_open(breaker, clock)
    kept = breaker.to_state(wall=0)
    born_again = CircuitBreaker("claude/sonnet", clock=clock, random=lambda: 0.5)
    born_again.restore(kept, wall=1000)
    assert born_again.peek().allowed
    await fail(born_again)
    assert born_again.peek().retry_after_s == 7.5
