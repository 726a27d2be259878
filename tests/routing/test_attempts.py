"""An attempt: one request, one outcome, and no trace of a Stop.

The way of a call is retry ( breaker ( deadline ( provider ) ) ); here it is tested as a whole.
"""

import asyncio
import random
from contextlib import aclosing

import pytest

import errors
from providers.base import Thinking
from tests.routing.fakes import HANG, Fake, Pause, ask, read, receipt_of, router_of, whole
from tests.routing.virtual_time import now

pytestmark = pytest.mark.anyio

FAILURES = [
    [errors.Unreachable],
    [errors.UpstreamError],
    ["word", errors.Reset],
    ["word", errors.Truncated],
    ["word", errors.UpstreamError],
    [errors.EmptyAnswer],
    [HANG],
    ["word", HANG],
]
NO_FAILURES = [
    [errors.Rejected],
    [errors.PromptTooLarge],
    [errors.ModelNotFound],
    [errors.Throttled("as told", retry_after_s=0.001)],
    ["word", ZeroDivisionError],
    whole("word"),
    whole("word", reason="length"),
    whole("word", reason="refusal"),
]


def breaker_of(router):
    return next(iter(router.candidates)).breaker


async def test_a_request_asks_one_provider_once():
    fake, other = Fake("a", whole("hello ", "world")), Fake("b")
    reading = await read(router_of(fake, other))
    assert reading.types == ["route", "token", "complete"]
    assert reading.text == "hello world"
    assert (fake.calls, fake.open, other.calls) == (1, 0, 0)


async def test_the_provider_is_asked_what_the_agent_asked():
    fake = Fake("a")
    schema = {"type": "object"}
    said = {"system": "Be brief.", "max_tokens": 77, "temperature": 0.5, "schema": schema}
    await read(router_of(fake), prompt="Who is it?", **said)
    [request] = fake.requests
    assert request.model == "m"
    assert [(m.role, m.content) for m in request.messages] == [("user", "Who is it?")]
    assert {name: getattr(request, name) for name in said} == said
    assert request.prefix == ""


@pytest.mark.parametrize("answer", FAILURES)
async def test_a_failed_attempt_is_one_failure_no_more_and_no_less(answer):
    fake = Fake("a", answer)
    router = router_of(fake, breaker_threshold=3)
    for state in ("closed", "closed", "open"):
        await read(router)
        assert breaker_of(router).peek().state == state
    await read(router)
    assert (fake.calls, fake.open) == (3, 0), "an open breaker sends nothing"


@pytest.mark.parametrize("answer", NO_FAILURES)
async def test_what_is_not_the_providers_failure_opens_no_breaker(answer):
    fake = Fake("a", answer)
    router = router_of(fake, breaker_threshold=1)
    for _ in range(5):
        await read(router)
        await asyncio.sleep(1)
    assert breaker_of(router).peek().state == "closed"
    assert (fake.calls, fake.open) == (5, 0)


@pytest.mark.parametrize("end", ["stop", "length", "refusal"])
async def test_every_marked_end_is_a_success_and_forgives_the_failures_before_it(end):
    fake = Fake("a", [errors.Reset], whole("word", reason=end), [errors.Reset])
    router = router_of(fake, breaker_threshold=2)
    for _ in range(3):
        await read(router)
    assert breaker_of(router).peek().state == "closed"


async def test_each_retry_is_an_attempt_of_its_own_and_is_announced():
    fake = Fake("a", [errors.UpstreamError], [errors.Reset], whole("hello"))
    reading = await read(router_of(fake, retry_attempts=2))
    assert reading.types == ["route", "warning", "warning", "token", "complete"]
    assert [w["code"] for w in reading.of("warning")] == ["retrying", "retrying"]
    assert [a["outcome"] for a in reading.metadata["attempts"]] == ["failed", "failed", "ok"]
    assert (fake.calls, fake.open) == (3, 0)


async def test_after_a_word_nothing_is_tried_again():
    fake = Fake("a", ["hel", errors.Reset], whole("hello"))
    reading = await read(router_of(fake, retry_attempts=2))
    assert isinstance(reading.error, errors.Reset)
    assert (reading.text, fake.calls) == ("hel", 1)


@pytest.mark.parametrize("fault", [errors.Rejected, errors.TlsFailure, errors.Unauthorized])
async def test_what_cannot_help_is_not_tried_again(fault):
    fake = Fake("a", [fault])
    await read(router_of(fake, retry_attempts=2))
    assert fake.calls == 1


async def test_the_time_between_attempts_is_none_of_the_reader_who_stops():
    """Stopped in back-off: nothing is open, and the next attempt is never made."""
    fake = Fake("a", [errors.UpstreamError], whole("hello"))
    router = router_of(fake, retry_attempts=2, retry_base_s=8)
    reading = asyncio.create_task(read(router))
    await asyncio.sleep(0.001)
    reading.cancel()
    await asyncio.wait([reading])
    await asyncio.sleep(60)
    assert (fake.calls, fake.open) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "fault", "seconds"),
    [([HANG], errors.FirstTokenTimeout, 60), (["word", HANG], errors.IdleTimeout, 30)],
)
async def test_silence_is_bounded_by_the_settings(answer, fault, seconds):
    began = now()
    reading = await read(router_of(Fake("a", answer)))
    assert isinstance(reading.error, fault)
    assert now() - began == pytest.approx(seconds, abs=1)


@pytest.mark.parametrize("endless", [["word", Pause(29)] * 100, ["word "] * 1000])
async def test_a_cut_for_length_is_nobodys_failure(endless):
    fake, other = Fake("a", endless), Fake("b")
    router = router_of(fake, other, breaker_threshold=1)
    metadata = (await read(router, max_tokens=10)).metadata
    assert [a["outcome"] for a in metadata["attempts"]] == ["ok"]
    assert metadata["usage_source"] == "estimated"
    assert (fake.open, other.calls) == (0, 0)
    assert breaker_of(router).peek().state == "closed"


async def test_the_gate_of_a_provider_that_refuses_our_key_holds_for_all_its_models():
    refuses = Fake("a", [errors.Unauthorized], models=("one", "two"))
    router = router_of(refuses, Fake("b"))
    assert (await read(router)).asked == ["a", "b"]
    [route] = (await read(router)).of("route")
    assert [c["verdict"] for c in route["considered"]] == ["gated", "gated", "chosen"]
    assert refuses.calls == 1


async def test_a_throttled_provider_is_left_alone_for_as_long_as_it_asked():
    fake = Fake("a", [errors.Throttled("as told", retry_after_s=20)], whole("hello"))
    router = router_of(fake, Fake("b"))
    assert (await read(router)).asked == ["a", "b"]
    await asyncio.sleep(19)
    assert (await read(router)).asked == ["b"]
    await asyncio.sleep(2)
    assert (await read(router)).asked == ["a"]


# Many at once.


async def test_a_hundred_starts_on_a_half_open_breaker_make_one_call():
    fake = Fake("a", [errors.Reset], [Pause(1), *whole("back")])
    router = router_of(fake, Fake("b"), breaker_threshold=1)
    await read(router)
    await asyncio.sleep(5)
    readings = await asyncio.gather(*(read(router) for _ in range(100)))
    assert fake.calls == 1 + 1
    assert [reading.asked for reading in readings] == [["a"], *[["b"]] * 99]
    assert {reading.text for reading in readings} == {"back", "hello"}
    assert breaker_of(router).peek().state == "closed"


async def test_a_thousand_stops_leave_a_breaker_closed_and_its_counts_unchanged():
    """Two failures before and one after: with a threshold of three, none more and none less."""
    chance = random.Random(7)

    def answer(request):
        words = ["word", Pause(chance.random())] * chance.randrange(5)
        return [Pause(chance.random()), *words, HANG]

    failure = [errors.Reset]
    fake = Fake("a", failure, failure, *[answer] * 1000, failure)
    router = router_of(fake, breaker_threshold=3)
    await read(router)
    await read(router)

    async def stopped():
        receipt = receipt_of(router)
        reading = asyncio.create_task(read(router, receipt=receipt))
        await asyncio.sleep(chance.random() * 3)
        reading.cancel()
        await asyncio.wait([reading])
        return receipt

    receipts = await asyncio.gather(*(stopped() for _ in range(1000)))
    assert (fake.calls, fake.open) == (1002, 0)
    assert {a.outcome for receipt in receipts for a in receipt.attempts} == {"cancelled"}
    assert breaker_of(router).peek().state == "closed"
    await read(router)
    assert breaker_of(router).peek().state == "open"


async def test_leaving_the_generator_is_a_stop_too():
    fake = Fake("a", ["one ", "two ", "three ", HANG])
    router = router_of(fake, breaker_threshold=1)
    for events in range(1, 5):
        receipt = receipt_of(router)
        async with aclosing(ask(router, receipt=receipt)) as answer:
            for _ in range(events):
                await anext(answer)
        assert fake.open == 0
        assert [a.outcome for a in receipt.attempts] == ["cancelled"]
    assert breaker_of(router).peek().state == "closed"


async def starts(router, *, seconds, each_s=0.05):
    """Twenty starts a second, whatever becomes of them."""
    reading = []
    for _ in range(round(seconds / each_s)):
        reading.append(asyncio.create_task(read(router)))
        await asyncio.sleep(each_s)
    return await asyncio.gather(*reading)


async def test_a_minute_of_starts_on_dead_providers_makes_hardly_a_call():
    """Until its breaker opens a provider is called as often as it takes, then only probed."""
    fakes = [Fake(name, [errors.Unreachable]) for name in "abc"]
    router = router_of(*fakes, retry_attempts=2, retry_base_s=0.5)
    readings = await starts(router, seconds=60)
    assert all(isinstance(r.error, errors.Fault | errors.NoCandidate) for r in readings)
    probes = 4
    """After 2.5 s, 5 s, 10 s and 20 s at the earliest."""
    assert all(5 <= fake.calls <= 5 + probes for fake in fakes)
    assert all(fake.open == 0 for fake in fakes)


async def test_while_no_breaker_opens_retries_are_a_fifth_of_the_starts():
    """With failures that take a while; see RetryBudget for the few that are always allowed."""
    fake = Fake("a", [Pause(2), errors.UpstreamError])
    router = router_of(fake, retry_attempts=2, retry_base_s=0.5, breaker_threshold=10_000)
    readings = await starts(router, seconds=60)
    assert 1.1 * len(readings) < fake.calls <= 1.2 * len(readings) + 3


async def test_an_answer_that_does_not_end_is_cut_by_the_clock_and_is_an_answer():
    began = now()
    reading = await read(router_of(Fake("a", ["word", Pause(29)] * 100)))
    assert now() - began == pytest.approx(600, abs=1)
    assert reading.error is None
    assert reading.events[-1]["metadata"]["finish_reason"] == "length"


async def test_an_answer_without_a_word_in_all_the_time_there_is_is_none():
    router = router_of(Fake("a", [Thinking("hm"), Pause(29)] * 100), first_token_timeout_s=900)
    assert isinstance((await read(router)).error, errors.TotalTimeout)


async def test_a_vendor_that_keeps_no_max_tokens_is_cut():
    fake = Fake("a", ["word "] * 1000)
    reading = await read(router_of(fake), max_tokens=10)
    assert reading.events[-1]["metadata"]["finish_reason"] == "length"
    assert len(reading.text) <= 10 * 20 + len("word ")
    assert fake.open == 0
