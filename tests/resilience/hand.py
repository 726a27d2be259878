"""A deadline's world: time that is moved by hand, a vendor that speaks when told, a reader."""

import asyncio
from contextlib import aclosing

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

    def stand_still(self, seconds):
        """Time passes, and no timer fires: the machine slept, or the loop was busy."""
        self.now += seconds

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
