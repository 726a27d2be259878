"""The parts together, as a router puts them: retry ( breaker ( deadline ( provider ) ) )."""

import asyncio
from contextlib import aclosing

import pytest

import errors
from resilience.circuit_breaker import CircuitBreaker
from resilience.deadline import Deadline
from resilience.retry_handler import RetryHandler, Retrying

pytestmark = pytest.mark.anyio


class Vendor:
    """Answers each call with the next script and then, at HANG, says nothing more."""

    HANG = object()

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.calls = self.open = 0

    async def answer(self):
        self.calls += 1
        self.open += 1
        try:
            for item in self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]:
                if item is self.HANG:
                    await asyncio.Event().wait()
                if isinstance(item, type):
                    raise item("as told")
                yield item
        finally:
            self.open -= 1


async def no_sleep(seconds):
    await asyncio.sleep(0)


class Way:
    """One provider's parts, with patience of a few milliseconds on the real clock."""

    def __init__(self, vendor, *, patience_s=0.005, threshold=3):
        self.vendor = vendor
        self.patience_s = patience_s
        self.breaker = CircuitBreaker("x", threshold=threshold)
        self.retry = RetryHandler(attempts=2, base_s=0, sleep=no_sleep)

    def call(self):
        deadline = Deadline(self.patience_s, self.patience_s, 60)
        return self.retry.execute_streaming(
            lambda: self.breaker.call_streaming(lambda: deadline.guard(self.vendor.answer())),
            remaining_s=deadline.remaining_s,
        )

    async def read(self):
        got = []
        try:
            async with aclosing(self.call()) as stream:
                async for item in stream:
                    got.append(item)
        except Exception as error:
            return got, error
        return got, None


async def test_each_late_attempt_is_one_failure_and_one_closed_connection():
    vendor = Vendor([Vendor.HANG])
    way = Way(vendor)
    got, error = await way.read()
    assert [type(item) for item in got] == [Retrying, Retrying]
    assert isinstance(error, errors.FirstTokenTimeout)
    assert (vendor.calls, vendor.open) == (3, 0)
    assert way.breaker.peek().state == "open"


async def test_a_retry_after_a_hang_brings_the_whole_answer():
    way = Way(Vendor([Vendor.HANG], ["the", "answer"]))
    got, error = await way.read()
    assert [type(item) for item in got] == [Retrying, str, str]
    assert error is None


async def test_a_hang_in_the_middle_is_not_tried_again():
    vendor = Vendor(["the", Vendor.HANG])
    got, error = await Way(vendor).read()
    assert got == ["the"]
    assert isinstance(error, errors.IdleTimeout)
    assert (vendor.calls, vendor.open) == (1, 0)


async def test_a_breaker_that_opens_under_a_call_ends_its_retries():
    vendor = Vendor([errors.UpstreamError])
    way = Way(vendor)
    await way.read()
    got, error = await way.read()
    assert got == []
    assert isinstance(error, errors.CircuitOpen)
    assert vendor.calls == 3


@pytest.mark.parametrize(
    "scripts", [[["the", Vendor.HANG]], [[errors.Throttled], ["the", "answer", Vendor.HANG]]]
)
async def test_a_stop_at_any_moment_closes_the_vendor_and_counts_for_nobody(scripts):
    """Stopped after 0, 1, 2, … turns of the loop: before, in and between attempts and words."""
    for turns in range(20):
        vendor = Vendor(*scripts)
        way = Way(vendor, patience_s=60, threshold=1)
        task = asyncio.create_task(way.read())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert vendor.open == 0
        assert way.breaker.peek().state == "closed"
    assert vendor.calls == len(scripts)


async def test_a_reader_that_leaves_closes_the_vendor_through_every_hop():
    vendor = Vendor(["the", "answer"])
    way = Way(vendor)
    async with aclosing(way.call()) as stream:
        assert await anext(stream) == "the"
        assert vendor.open == 1
    assert vendor.open == 0
