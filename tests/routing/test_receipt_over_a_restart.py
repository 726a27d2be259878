"""The Receipt over a restart: what a dead process had spent is neither lost nor counted twice."""

from decimal import Decimal

import msgspec
import pytest

from routing.receipt import Attempt, Past, Receipt
from store.jsons import dump, load_decimals
from tests.routing.fakes import Fake, candidates, priced

pytestmark = pytest.mark.anyio


def recovered(*attempts, **more):
    prices = candidates(Fake("a"), catalog={"a": {"m": priced(1, 2)}}).prices
    past = Past(attempts=list(attempts), **more)
    return Receipt("qualification", prices, past=past, clock=lambda: 500.0)


async def test_the_interrupted_attempt_is_estimated_from_the_words_that_it_had_shown():
    running = Attempt("a", "m", input_tokens=10)
    [attempt] = recovered(running, interrupted_after="four" * 5).attempts
    assert (attempt.outcome, attempt.output_tokens, attempt.cost_usd) == ("interrupted", 5, 20)
    assert attempt.usage_source == "estimated"


async def test_an_attempt_that_had_ended_is_not_interrupted():
    done = Attempt("a", "m", outcome="failed", input_tokens=10, cost_usd=Decimal(10))
    [attempt] = recovered(done, interrupted_after="four").attempts
    assert (attempt.outcome, attempt.output_tokens) == ("failed", 0)


async def test_first_token_and_latency_count_from_the_first_process_start():
    metadata = recovered(Attempt("a", "m"), elapsed_s=90, ttft_ms=1500).metadata()
    assert (metadata["latency_ms"], metadata["ttft_ms"]) == (90_000, 1500)


async def test_a_first_token_after_the_restart_counts_the_time_before_it():
    receipt = recovered(Attempt("a", "m"), elapsed_s=90)
    receipt.first_token()
    assert receipt.ttft_ms == 90_000


async def test_a_receipt_of_which_nothing_was_stored_can_be_shown():
    metadata = recovered(elapsed_s=90, ttft_ms=1500).metadata()
    assert (metadata["provider"], metadata["total_cost_usd"], metadata["attempts"]) == (None, 0, [])


async def test_attempts_come_back_from_the_store_as_exact_as_they_went():
    went = [
        Attempt("a", "m", outcome="ok", cost_usd=Decimal("0.0000000123"), usage_source="mixed"),
        Attempt("a", "m", outcome="ok", cost_usd=Decimal(0)),
        Attempt("a", "m", outcome="ok", cost_usd=Decimal("12345678901234567890.123456789")),
        Attempt("b", "m"),
    ]
    stored = dump([msgspec.structs.asdict(attempt) for attempt in went])
    assert msgspec.convert(load_decimals(stored), list[Attempt]) == went
