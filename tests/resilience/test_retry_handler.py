"""Trying again: when, how long after, how often in all, and never once a word was shown."""

import asyncio
from contextlib import aclosing

import pytest

import errors
from resilience.retry_handler import RetryBudget, RetryHandler, Retrying

pytestmark = pytest.mark.anyio

DOWN = errors.UpstreamError("down")


class Vendor:
    """Answers its calls with one script after the other; an exception in a script is raised."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.calls = self.open = 0

    async def __call__(self):
        self.calls += 1
        self.open += 1
        try:
            for item in self.scripts.pop(0):
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.open -= 1


class Sleep:
    """Sleeps no time and remembers how long it would have."""

    def __init__(self):
        self.slept = []

    async def __call__(self, seconds):
        self.slept.append(seconds)


async def read(stream):
    """What the reader gets: the items, and the fault at their end or None."""
    got = []
    try:
        async with aclosing(stream):
            async for item in stream:
                got.append(item)
    except Exception as error:
        return got, error
    return got, None


@pytest.fixture
def sleep():
    return Sleep()


@pytest.fixture
def retry(sleep):
    """Always draws the longest back-off."""
    return RetryHandler(sleep=sleep, random=lambda: 1.0)


async def test_a_call_that_works_is_made_once(retry, sleep):
    vendor = Vendor(["a", "b"])
    assert await read(retry.execute_streaming(vendor)) == (["a", "b"], None)
    assert (vendor.calls, sleep.slept) == (1, [])


async def test_a_failure_before_the_first_word_is_tried_again_and_announced(retry, sleep):
    vendor = Vendor([DOWN], ["word"])
    got, error = await read(retry.execute_streaming(vendor))
    assert got == [Retrying(2, 0.5, DOWN), "word"]
    assert error is None
    assert sleep.slept == [0.5]


async def test_the_announcement_comes_before_the_wait(retry, sleep):
    async with aclosing(retry.execute_streaming(Vendor([DOWN], ["word"]))) as stream:
        assert isinstance(await anext(stream), Retrying)
        assert sleep.slept == []


async def test_a_word_that_was_shown_is_never_shown_again(retry):
    vendor = Vendor(["word", DOWN], ["word"])
    assert await read(retry.execute_streaming(vendor)) == (["word"], DOWN)
    assert vendor.calls == 1


async def test_thinking_shows_nothing_and_stands_in_no_retrys_way(retry):
    vendor = Vendor(["thinking", DOWN], ["thinking", "word"])
    got, error = await read(retry.execute_streaming(vendor, is_content="word".__eq__))
    assert got == ["thinking", Retrying(2, 0.5, DOWN), "thinking", "word"]
    assert error is None


async def test_after_its_attempts_the_last_fault_is_told(retry):
    last = errors.Reset("cut")
    vendor = Vendor([DOWN], [DOWN], [last])
    got, error = await read(retry.execute_streaming(vendor))
    assert [item.attempt for item in got] == [2, 3]
    assert error is last


@pytest.mark.parametrize(
    "fault",
    [
        errors.Rejected("prompt"),
        errors.Unauthorized("key"),
        errors.TotalTimeout("over"),
        errors.UpstreamError("x-should-retry: false", retryable=False),
        errors.CircuitOpen("refused", retry_after_s=1),
        ValueError("a bug"),
    ],
    ids=repr,
)
async def test_what_trying_again_cannot_help_is_told_at_once(retry, sleep, fault):
    assert await read(retry.execute_streaming(Vendor([fault]))) == ([], fault)
    assert sleep.slept == []


async def test_the_back_off_doubles_up_to_eight_seconds(sleep):
    retry = RetryHandler(attempts=7, sleep=sleep, random=lambda: 1.0)
    await read(retry.execute_streaming(Vendor(*[[DOWN]] * 8)))
    assert sleep.slept == [0.5, 1, 2, 4, 8, 8, 8]


async def test_all_of_the_back_off_is_jitter(sleep):
    retry = RetryHandler(sleep=sleep, random=lambda: 0.0)
    await read(retry.execute_streaming(Vendor([DOWN], [DOWN], [DOWN])))
    assert sleep.slept == [0, 0]


@pytest.mark.parametrize(("asked", "slept"), [(2, 2.2), (40, 41), (0, 0.5), (None, 0.5)])
async def test_a_wish_for_rest_is_kept_and_a_little_more(retry, sleep, asked, slept):
    fault = errors.Throttled("slow down", retry_after_s=asked)
    await read(retry.execute_streaming(Vendor([fault], ["word"])))
    assert sleep.slept == [pytest.approx(slept)]


@pytest.mark.parametrize(("asked", "left"), [(20, 10), (20, 20), (300, 600), (86400, 1e9)])
async def test_a_rest_that_is_too_long_is_told_and_not_slept(retry, sleep, asked, left):
    fault = errors.Throttled("slow down", retry_after_s=asked)
    stream = retry.execute_streaming(Vendor([fault]), remaining_s=lambda: left)
    assert await read(stream) == ([], fault)
    assert sleep.slept == []


async def test_no_attempt_is_waited_for_that_comes_after_the_end(retry, sleep):
    stream = retry.execute_streaming(Vendor([DOWN]), remaining_s=lambda: 0.4)
    assert await read(stream) == ([], DOWN)
    assert sleep.slept == []


async def test_a_stop_during_the_back_off_ends_at_once():
    vendor = Vendor([DOWN], ["word"])
    asleep = asyncio.Event()

    async def sleep(seconds):
        asleep.set()
        await asyncio.Event().wait()

    budget = RetryBudget(floor=1)
    retry = RetryHandler(sleep=sleep, budget=budget)
    task = asyncio.create_task(read(retry.execute_streaming(vendor)))
    await asleep.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert vendor.calls == 1
    assert budget.take()


async def test_each_attempt_is_closed_before_the_next_is_announced(retry):
    vendor = Vendor(["thinking", DOWN], ["word", "more"])
    stream = retry.execute_streaming(vendor, is_content="word".__eq__)
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Retrying):
                assert vendor.open == 0
            if item == "word":
                break
        assert vendor.open == 1
    assert vendor.open == 0


async def test_an_error_of_closing_after_a_stop_starts_nothing(retry):
    calls = 0

    async def breaks_when_closed():
        nonlocal calls
        calls += 1
        try:
            yield "thinking"
            yield "never read"
        finally:
            raise DOWN

    stream = retry.execute_streaming(breaks_when_closed, is_content="word".__eq__)
    await anext(stream)
    with pytest.raises(errors.UpstreamError):
        await stream.aclose()
    assert calls == 1


async def test_when_every_call_fails_retries_stay_a_fifth_of_them(clock, sleep):
    retry = RetryHandler(budget=RetryBudget(floor=0, clock=clock), sleep=sleep)
    vendors = [Vendor([DOWN], [DOWN], [DOWN]) for _ in range(200)]
    for vendor in vendors:
        clock.move(0.04)
        await read(retry.execute_streaming(vendor))
    assert sum(vendor.calls for vendor in vendors) == 240


async def test_many_that_fail_together_retry_no_more_than_a_fifth_at_once():
    begun = asyncio.Event()

    async def sleep(seconds):
        await begun.wait()

    budget = RetryBudget()
    retry = RetryHandler(attempts=1, budget=budget, sleep=sleep)
    vendors = [Vendor([DOWN], ["word"]) for _ in range(100)]
    tasks = [asyncio.create_task(read(retry.execute_streaming(vendor))) for vendor in vendors]
    for _ in range(5):
        await asyncio.sleep(0)
    begun.set()
    results = [await task for task in tasks]
    assert sum(error is None for _, error in results) == 20


def test_a_quiet_provider_has_three_retries_at_once(clock):
    budget = RetryBudget(clock=clock)
    budget.note_request()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    budget.give_back()
    assert budget.take()
    assert not budget.take()


def test_a_fifth_of_the_last_ten_seconds_may_be_retried(clock):
    budget = RetryBudget(floor=0, clock=clock)
    for _ in range(10):
        budget.note_request()
    clock.move(9)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    clock.move(2)
    for _ in range(15):
        budget.note_request()
    assert [budget.take() for _ in range(2)] == [True, False]


async def test_a_retry_that_brings_words_is_a_stream_like_any_other(sleep):
    budget = RetryBudget(floor=1)
    retry = RetryHandler(budget=budget, sleep=sleep)
    stream = retry.execute_streaming(Vendor([DOWN], ["thinking", "word"]), is_content="word".__eq__)
    async with aclosing(stream):
        assert isinstance(await anext(stream), Retrying)
        assert await anext(stream) == "thinking"
        assert not budget.take()
        assert await anext(stream) == "word"
        assert budget.take()


async def test_a_retry_that_is_given_up_leaves_its_place(sleep):
    budget = RetryBudget(floor=1)
    retry = RetryHandler(budget=budget, sleep=sleep)
    async with aclosing(retry.execute_streaming(Vendor([DOWN]))) as stream:
        assert isinstance(await anext(stream), Retrying)
        assert not budget.take()
    assert budget.take()
