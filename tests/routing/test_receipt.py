"""The Receipt: what an execution has cost, attempt by attempt, reported or marked as estimated."""

import asyncio
from decimal import Decimal

import pytest

import errors
from providers.base import Finish, Thinking, Usage
from routing.catalog import load_catalog
from streams.sse import to_json
from tests.routing.fakes import (
    HANG,
    Fake,
    Pause,
    free,
    priced,
    read,
    receipt_of,
    router_of,
    whole,
)

pytestmark = pytest.mark.anyio

PROMPT = "four" * 10
"""Ten tokens, by our estimate."""

A_DOLLAR_IN_TWO_OUT = {"a": {"m": priced(1, 2)}, "b": {"m": priced(10, 20)}}


def priced_router(*answers, **more):
    return router_of(Fake("a", *answers), catalog=A_DOLLAR_IN_TWO_OUT, **more)


async def receipt_after(router, **said):
    """The one attempt's account of a request, however it ends, and the whole receipt."""
    receipt = receipt_of(router)
    await read(router, receipt=receipt, prompt=PROMPT, **said)
    return receipt


async def test_what_the_vendor_reports_is_what_it_costs():
    receipt = await receipt_after(priced_router(whole("one ", "two", usage=Usage(7, 3))))
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.usage_source) == ("ok", "reported")
    assert receipt.total_cost_usd == 7 * 1 + 3 * 2


async def test_the_metadata_has_every_field_of_the_contract():
    router = priced_router([Pause(0.5), *["word "] * 20, Pause(2), *whole(usage=Usage(7, 20))])
    metadata = (await read(router)).metadata
    attempts = metadata.pop("attempts")
    assert metadata == {
        "provider": "a",
        "model": "m",
        "task_type": "qualification",
        "input_tokens": 7,
        "output_tokens": 20,
        "total_cost_usd": 47,
        "latency_ms": 2500,
        "ttft_ms": 500,
        "tokens_per_second": 10.0,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
        "finish_reason": "stop",
        "usage_source": "reported",
    }
    [attempt] = attempts
    assert {
        "provider": "a",
        "model": "m",
        "outcome": "ok",
        "error": None,
        "ms": 2500,
        "input_tokens": 7,
        "output_tokens": 20,
        "cost_usd": 47,
        "usage_source": "reported",
    }.items() <= attempt.items()


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        ("claude", "claude-sonnet-4-20250514", Usage(31, 110), "0.001743"),
        ("cerebras", "llama3.1-8b", Usage(30, 30), "0.000006"),
    ],
)
async def test_the_first_specifications_costs_are_exact_on_the_wire(provider, model, usage, cost):
    fake = Fake(provider, whole("w", usage=usage), models=(model,))
    metadata = (await read(router_of(fake, catalog=load_catalog()))).metadata
    assert metadata["total_cost_usd"] == Decimal(cost)
    assert f'"total_cost_usd":{cost},'.encode() in to_json(metadata)


async def test_the_last_usage_wins_and_counts_never_go_down():
    counts = [Usage(7, 1), Usage(7, 30, 5), Usage(0, 20)]
    receipt = await receipt_after(priced_router(["word", *counts, Finish("stop")]))
    [attempt] = receipt.attempts
    assert (attempt.input_tokens, attempt.output_tokens) == (7, 30)
    assert attempt.cached_input_tokens == 5


async def test_a_part_is_never_more_than_its_whole():
    """A vendor that counts what it cached beside its input, or reasoning beside its output."""
    odd = Usage(10, 5, cached_input_tokens=800, cache_write_tokens=50, reasoning_tokens=90)
    claude = Fake("claude", whole("w", usage=odd), models=("claude-sonnet-5-5",))
    metadata = (await read(router_of(claude, catalog=load_catalog()))).metadata
    assert (metadata["input_tokens"], metadata["output_tokens"]) == (850, 90)
    assert metadata["total_cost_usd"] > 0


async def test_an_answer_that_nobody_counted_is_estimated_and_says_so():
    receipt = await receipt_after(priced_router(["four" * 5, Finish("stop")]))
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.usage_source) == ("ok", "estimated")
    assert (attempt.input_tokens, attempt.output_tokens) == (10, 5)
    assert receipt.total_cost_usd == 10 * 1 + 5 * 2
    assert receipt.metadata()["usage_source"] == "estimated"


async def test_a_cut_answer_is_estimated_from_the_words_that_came():
    receipt = await receipt_after(priced_router(["four" * 3, "four", errors.Reset]))
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.error) == ("failed", "upstream_reset")
    assert (attempt.input_tokens, attempt.output_tokens) == (10, 4)
    assert attempt.usage_source == "estimated"


async def test_a_count_from_before_the_cut_is_kept_for_the_prompt_and_mixed_for_the_rest():
    receipt = await receipt_after(priced_router([Usage(13, 1), "four" * 4, errors.Truncated]))
    [attempt] = receipt.attempts
    assert (attempt.input_tokens, attempt.output_tokens) == (13, 4)
    assert attempt.usage_source == "mixed"


async def test_a_stopped_answer_is_estimated_from_the_words_that_came():
    router = priced_router(["four" * 3, HANG])
    receipt = await receipt_after(router, leave_after=2)
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.error) == ("cancelled", None)
    assert (attempt.output_tokens, attempt.usage_source) == (3, "estimated")
    assert receipt.total_cost_usd == 10 * 1 + 3 * 2


async def test_a_stop_before_the_request_went_out_costs_nothing():
    router = priced_router(whole("never"))
    receipt = await receipt_after(router, leave_after=1)
    [attempt] = receipt.attempts
    assert (attempt.outcome, receipt.total_cost_usd) == ("cancelled", 0)
    [a] = [c.source for c in router.candidates]
    assert a.calls == 0


async def test_reasoning_is_counted_and_is_no_first_token():
    router = priced_router([Thinking("four" * 6), Pause(3), "four", HANG])
    receipt = await receipt_after(router, leave_after=2)
    [attempt] = receipt.attempts
    assert (attempt.reasoning_tokens, attempt.output_tokens) == (6, 7)
    assert receipt.ttft_ms == 3000


@pytest.mark.parametrize(
    "fault",
    [
        errors.Unreachable,
        errors.TlsFailure,
        errors.Rejected,
        errors.PromptTooLarge,
        errors.ModelNotFound,
        errors.Unauthorized,
        errors.OutOfCredit,
        errors.Throttled,
        errors.UpstreamError,
        errors.ProtocolError,
    ],
)
async def test_who_refused_before_anything_came_did_no_work_and_costs_0(fault):
    receipt = await receipt_after(priced_router([fault]))
    [attempt] = receipt.attempts
    assert (attempt.input_tokens, attempt.output_tokens, attempt.cost_usd) == (0, 0, 0)
    assert attempt.usage_source == "reported"


@pytest.mark.parametrize(
    "answer", [[errors.Reset], [errors.EmptyAnswer], [errors.Truncated], [HANG]]
)
async def test_who_may_have_read_the_prompt_is_paid_for_it_as_estimated(answer):
    receipt = await receipt_after(priced_router(answer))
    [attempt] = receipt.attempts
    assert (attempt.input_tokens, attempt.output_tokens, attempt.cost_usd) == (10, 0, 10)
    assert attempt.usage_source == "estimated"


async def test_an_empty_answer_that_was_counted_costs_what_was_counted():
    receipt = await receipt_after(priced_router([Usage(12, 1), errors.EmptyAnswer]))
    [attempt] = receipt.attempts
    assert (attempt.cost_usd, attempt.usage_source) == (14, "reported")


async def test_all_attempts_are_summed_each_at_its_own_price():
    fails, answers = Fake("a", ["four", errors.Reset]), Fake("b", whole("w", usage=Usage(7, 3)))
    metadata = (
        await read(router_of(fails, answers, catalog=A_DOLLAR_IN_TWO_OUT), prompt=PROMPT)
    ).metadata
    first, second = (10 * 1 + 1 * 2), (7 * 10 + 3 * 20)
    assert [a["cost_usd"] for a in metadata["attempts"]] == [first, second]
    assert metadata["total_cost_usd"] == first + second
    assert (metadata["input_tokens"], metadata["output_tokens"]) == (17, 4)
    assert (metadata["provider"], metadata["usage_source"]) == ("b", "mixed")


async def test_another_price_table_gives_other_sums():
    catalog = {"a": {"m": priced(3, 5)}}
    metadata = (
        await read(router_of(Fake("a", whole("w", usage=Usage(7, 3))), catalog=catalog))
    ).metadata
    assert metadata["total_cost_usd"] == 7 * 3 + 3 * 5


async def test_one_unknown_price_makes_the_sum_unknown_and_never_0():
    fails, answers = Fake("a", ["four", errors.Reset]), Fake("b", whole("w"))
    catalog = {"a": {"m": free(price=None)}, "b": {"m": priced(1, 1)}}
    metadata = (await read(router_of(fails, answers, catalog=catalog))).metadata
    assert [a["cost_usd"] for a in metadata["attempts"]] == [None, 11]
    assert metadata["total_cost_usd"] is None


async def test_nothing_costs_nothing_also_at_an_unknown_price():
    refuses, answers = Fake("a", [errors.Unreachable]), Fake("b", whole("w"))
    catalog = {"a": {"m": free(price=None)}, "b": {"m": priced(1, 1)}}
    metadata = (await read(router_of(refuses, answers, catalog=catalog))).metadata
    assert metadata["total_cost_usd"] == 11


async def test_every_attempt_of_a_retried_request_stands_in_the_receipt():
    router = priced_router([errors.Reset], whole("w", usage=Usage(7, 3)), retry_attempts=1)
    receipt = await receipt_after(router)
    assert [(a.outcome, a.cost_usd) for a in receipt.attempts] == [("failed", 10), ("ok", 13)]


async def test_a_bug_in_a_provider_leaves_no_attempt_without_an_outcome():
    receipt = await receipt_after(priced_router(["four", ZeroDivisionError]))
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.error, attempt.cost_usd) == ("failed", "internal", 12)


async def test_before_anybody_is_asked_the_attempt_stands_in_the_receipt():
    """The `route` carries it into the row from which recovery starts."""
    router = priced_router(["four", HANG])
    receipt = receipt_of(router)
    reading = await read(router, receipt=receipt, leave_after=1)
    assert reading.types == ["route"]
    assert [(a.provider, a.model) for a in receipt.attempts] == [("a", "m")]


async def test_a_closed_receipt_stands_still():
    receipt = receipt_of(priced_router())
    await asyncio.sleep(2)
    receipt.close()
    await asyncio.sleep(60)
    assert receipt.metadata()["latency_ms"] == 2000
