"""Whom a deadline's timer cancels, and what others' cancellations and closings come to."""

import asyncio
from contextlib import aclosing

import pytest
import uvloop

from errors import Fault, FirstTokenTimeout, IdleTimeout, Reset, TotalTimeout
from resilience.deadline import Deadline
from tests.resilience.hand import END, Reader, ended, everybody

pytestmark = pytest.mark.anyio


async def test_no_timer_cancels_the_consumers_own_code(hand, vendor, deadline):
    busy = asyncio.Event()

    async def consume():
        async with aclosing(deadline.guard(vendor.stream())) as stream:
            async for _ in stream:
                await busy.wait()

    task = asyncio.create_task(consume())
    await vendor.says("word")
    hand.move(10_000)
    await everybody()
    assert not task.done()
    busy.set()
    with pytest.raises(TotalTimeout):
        await ended(task)


async def test_a_timeout_leaves_the_task_uncancelled(hand, vendor, deadline):
    async def consume():
        with pytest.raises(FirstTokenTimeout):
            await anext(deadline.guard(vendor.stream()))
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    task = asyncio.create_task(consume())
    await everybody()
    hand.move(60)
    assert await ended(task) == 0


async def test_the_vendor_is_closed_before_the_timeout_is_told(hand, vendor, deadline):
    async def consume():
        try:
            await anext(deadline.guard(vendor.stream()))
        except FirstTokenTimeout:
            return vendor.closed

    task = asyncio.create_task(consume())
    await everybody()
    hand.move(60)
    assert await ended(task)


async def test_a_cancellation_from_outside_stays_one(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    reader.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader.end()
    assert vendor.closed
    assert hand.timers == []


async def test_a_stop_just_after_the_timer_wins(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    hand.move(60)
    reader.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader.end()
    assert vendor.closed


async def test_a_stop_just_before_the_timer_wins(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    reader.task.cancel()
    hand.move(60)
    with pytest.raises(asyncio.CancelledError):
        await reader.end()
    assert vendor.closed


async def test_a_task_that_survived_a_cancellation_still_has_its_timeouts(hand, vendor, deadline):
    async def consume():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await anext(deadline.guard(vendor.stream()))

    task = asyncio.create_task(consume())
    await everybody()
    task.cancel()
    await everybody()
    hand.move(60)
    with pytest.raises(FirstTokenTimeout):
        await ended(task)


async def goes_on():
    yield "more"


async def ends():
    for nothing in ():
        yield nothing


async def fails():
    raise Reset("the connection broke")
    yield


@pytest.mark.parametrize("then", [goes_on, ends, fails])
async def test_a_stream_that_swallows_the_cancellation_is_late_all_the_same(hand, deadline, then):
    reader = Reader(deadline.guard(swallows(then)))
    await everybody()
    hand.move(60)
    with pytest.raises(FirstTokenTimeout):
        await reader.end()
    assert reader.got == []


@pytest.mark.parametrize("then", [ends, fails])
async def test_a_stream_that_swallows_a_stop_is_stopped_all_the_same(deadline, then):
    reader = Reader(deadline.guard(swallows(then)))
    await everybody()
    reader.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader.end()


async def swallows(then):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        async for item in then():
            yield item


async def test_a_fault_of_the_vendor_passes_unchanged(deadline):
    with pytest.raises(Reset, match="broke"):
        await anext(deadline.guard(fails()))


async def test_leaving_early_closes_the_vendor_and_the_timer(hand, vendor, deadline):
    vendor.said.put_nowait("word")
    async with aclosing(deadline.guard(vendor.stream())) as stream:
        assert await anext(stream) == "word"
        assert len(hand.timers) == 1
    assert vendor.closed
    assert hand.timers == []


async def test_a_stopped_consumer_can_close_the_stream_in_peace(vendor, deadline):
    stream = deadline.guard(vendor.stream())

    async def consume():
        await anext(stream)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await stream.aclose()
            return "closed"

    task = asyncio.create_task(consume())
    await vendor.says("word")
    task.cancel()
    assert await ended(task) == "closed"
    assert vendor.closed


async def test_a_thousand_items_share_one_timer(hand, vendor, deadline):
    for number in range(1000):
        vendor.said.put_nowait(str(number))
    vendor.said.put_nowait(END)
    reader = Reader(deadline.guard(vendor.stream()))
    await reader.end()
    assert len(reader.got) == 1000
    assert hand.made == 1
    assert hand.timers == []


async def test_a_consumer_may_read_each_item_in_another_task(hand, vendor, deadline):
    stream = deadline.guard(vendor.stream())
    vendor.said.put_nowait("word")
    assert await asyncio.create_task(anext(stream)) == "word"
    second = asyncio.create_task(anext(stream))
    await everybody()
    hand.move(60)
    await everybody()
    assert second.done()
    with pytest.raises(IdleTimeout):
        await second


def bare(new_loop):
    """Run with the real timers of a loop: they fire, and the fault is the right one."""

    async def late():
        deadline = Deadline(0.005, 30, 600)
        with pytest.raises(Fault) as caught:
            await anext(deadline.guard(swallows(ends)))
        return type(caught.value)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(late())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_timers_of_a_real_loop_fire(new_loop):
    assert bare(new_loop) is FirstTokenTimeout
