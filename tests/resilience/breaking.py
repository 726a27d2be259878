"""Vendors that break, calls through a breaker, and what it says of itself."""

import asyncio
from contextlib import aclosing

import errors


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
