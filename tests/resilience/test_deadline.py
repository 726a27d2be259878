"""How long an answer may take. Time is moved by hand."""

import asyncio
from contextlib import aclosing

import pytest
import uvloop

from errors import Fault, FirstTokenTimeout, IdleTimeout, Reset, TotalTimeout
from resilience.deadline import Deadline

pytestmark = pytest.mark.anyio

END = object()


class Hand:
    """An event loop's clock and timers, moved by hand."""

    def __init__(self):
        self.now = 0.0
        self.timers = []
        self.made = 0

    def time(self):
        return self.now

    def call_at(self, when, callback):
        self.made += 1
        timer = Timer(self, when, callback)
        self.timers.append(timer)
        return timer

    def move(self, seconds):
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.callback()
        self.now = end


class Timer:
    def __init__(self, hand, when, callback):
        self.hand, self.when, self.callback = hand, when, callback

    def cancel(self):
        if self in self.hand.timers:
            self.hand.timers.remove(self)


class Vendor:
    """A stream that yields what it is told to, and knows whether it was closed."""

    def __init__(self):
        self.said = asyncio.Queue()
        self.closed = False
        self.begun = False

    async def stream(self):
        self.begun = True
        try:
            while (item := await self.said.get()) is not END:
                yield item
        finally:
            self.closed = True

    async def says(self, item):
        self.said.put_nowait(item)
        await everybody()


class Reader:
    """A task that reads a stream to its end and keeps what came."""

    def __init__(self, stream):
        self.got = []
        self.task = asyncio.create_task(self._read(stream))

    async def _read(self, stream):
        async with aclosing(stream):
            async for item in stream:
                self.got.append(item)

    async def end(self):
        return await ended(self.task)


async def ended(task):
    """What comes of `task`; a deadline that is broken fails here instead of hanging."""
    async with asyncio.timeout(5):
        return await task


async def everybody():
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def is_word(item):
    return not item.startswith("thinking")


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
async def deadline(hand):
    return Deadline(60, 30, 600, timers=hand)


async def test_silence_is_a_first_token_timeout_at_its_time_and_not_before(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    hand.move(59.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout, match="60 s"):
        await reader.end()


async def test_thinking_is_not_the_first_token(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream(), is_content=is_word))
    await everybody()
    for _ in range(2):
        hand.move(25)
        await vendor.says("thinking")
    hand.move(9.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout):
        await reader.end()
    assert reader.got == ["thinking"] * 2


async def test_a_slow_starter_may_have_its_own_patience(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream(), first_s=100))
    await everybody()
    hand.move(99)
    await everybody()
    assert not reader.task.done()
    hand.move(1)
    with pytest.raises(FirstTokenTimeout, match="100 s"):
        await reader.end()


async def test_silence_after_the_first_word_is_an_idle_timeout(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    hand.move(1)
    await vendor.says("word")
    hand.move(29.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(IdleTimeout, match="30 s"):
        await reader.end()


@pytest.mark.parametrize("sign", ["word", "thinking"])
async def test_any_item_after_the_first_word_is_a_sign_of_life(hand, vendor, deadline, sign):
    reader = Reader(deadline.guard(vendor.stream(), is_content=is_word))
    await vendor.says("word")
    for _ in range(5):
        hand.move(29)
        await vendor.says(sign)
    hand.move(29)
    await vendor.says(END)
    await reader.end()
    assert len(reader.got) == 6


async def test_an_answer_that_never_stops_is_cut_at_the_total(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    for _ in range(30):
        hand.move(19.9)
        await vendor.says("word")
    assert not reader.task.done()
    hand.move(4)
    with pytest.raises(TotalTimeout, match="600 s"):
        await reader.end()
    assert vendor.closed


async def test_a_consumer_that_was_slow_does_not_stretch_the_total(hand, vendor):
    stream = Deadline(60, 30, 100, timers=hand).guard(vendor.stream())
    vendor.said.put_nowait("word")
    await anext(stream)
    hand.move(95)
    reader = Reader(stream)
    await everybody()
    hand.move(4.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(TotalTimeout):
        await reader.end()


async def test_the_total_covers_all_attempts_and_a_late_one_is_never_begun(hand, vendor, deadline):
    hand.move(400)
    assert deadline.remaining_s() == 200
    hand.move(300)
    assert deadline.remaining_s() == 0
    with pytest.raises(TotalTimeout):
        await ended(anext(deadline.guard(vendor.stream())))
    assert not vendor.begun


async def test_the_time_of_a_slow_consumer_is_not_the_vendors(hand, vendor, deadline):
    stream = deadline.guard(vendor.stream(), is_content=is_word)
    vendor.said.put_nowait("thinking")
    hand.move(50)
    assert await anext(stream) == "thinking"
    hand.move(100)
    vendor.said.put_nowait("word")
    assert await anext(stream) == "word"
    hand.move(100)
    reader = Reader(stream)
    await everybody()
    hand.move(29.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(IdleTimeout):
        await reader.end()


async def test_the_rest_of_the_first_wait_goes_on_where_it_was(hand, vendor, deadline):
    stream = deadline.guard(vendor.stream(), is_content=is_word)
    first = asyncio.create_task(anext(stream))
    await everybody()
    hand.move(50)
    await vendor.says("thinking")
    await ended(first)
    hand.move(100)
    reader = Reader(stream)
    await everybody()
    hand.move(9.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout):
        await reader.end()


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
