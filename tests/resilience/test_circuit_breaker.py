"""One outcome per attempt, and what the breaker makes of them. The clock is moved by hand."""

import asyncio
import json
from contextlib import aclosing

import pytest

import errors
from resilience.circuit_breaker import CircuitBreaker

pytestmark = pytest.mark.anyio


class Vendor:
    """Makes streams that yield `items`, then raise `error` or end."""

    def __init__(self, *items, error=None):
        self.items, self.error = items, error
        self.calls = self.closed = 0

    async def __call__(self):
        self.calls += 1
        try:
            for item in self.items:
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1


class Hanging(Vendor):
    async def __call__(self):
        self.calls += 1
        try:
            for item in self.items:
                yield item
            await asyncio.Event().wait()
        finally:
            self.closed += 1


async def call(breaker, vendor, **options):
    """What the reader gets: the items, and the fault at their end or None."""
    got = []
    try:
        async with aclosing(breaker.call_streaming(vendor, **options)) as stream:
            async for item in stream:
                got.append(item)
    except Exception as error:
        return got, error
    return got, None


async def fail(breaker, times=1):
    for _ in range(times):
        await call(breaker, Vendor(error=errors.UpstreamError("down")))


async def succeed(breaker, times=1):
    for _ in range(times):
        await call(breaker, Vendor("word"))


async def throttle(breaker, times=1, retry_after_s=None):
    fault = errors.Throttled("too much", retry_after_s=retry_after_s)
    for _ in range(times):
        await call(breaker, Vendor(error=fault))


def state(breaker):
    return breaker.peek().state


@pytest.fixture
def changes():
    return []


@pytest.fixture
def breaker(clock, changes):
    """Half of the jitter: open for 5 × ¾ = 3.75 s at first."""
    return CircuitBreaker(
        "claude/sonnet",
        clock=clock,
        random=lambda: 0.5,
        on_change=lambda name, old, new, why: changes.append((name, old, new, why)),
    )


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


@pytest.mark.parametrize("kept", [{}, {"state": "closed"}])
async def test_a_closed_breaker_is_closed_after_a_restart(breaker, kept):
    breaker.restore(kept, wall=0)
    assert state(breaker) == "closed"
    breaker.restore(breaker.to_state(wall=0), wall=0)
    assert state(breaker) == "closed"
