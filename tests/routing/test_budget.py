"""The budget: `Receipt.budget_usd` is a hard cap on what an execution costs, inside the stream."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import errors
from providers.base import Finish, Thinking, Usage
from routing.catalog import load_catalog
from routing.receipt import Attempt, Past
from tests.routing.fakes import Fake, free, priced, read, receipt_of, router_of, whole

pytestmark = pytest.mark.anyio

PROMPT = "four" * 10
"""Ten tokens, by our estimate."""


def router_at(of_input, of_output, *answers, **more):
    catalog = {name: {"m": priced(of_input, of_output)} for name in "ab"}
    return router_of(Fake("a", *answers), catalog=catalog, **more)


async def spend(router, budget, *, past=None, **said):
    """Read within a budget: what was read, and the receipt."""
    receipt = receipt_of(router, budget_usd=Decimal(budget), past=past)
    reading = await read(router, receipt=receipt, **{"prompt": PROMPT} | said)
    return reading, receipt


async def test_an_answer_is_cut_where_its_budget_ends():
    router = router_at(1, 2, ["four"] * 100)
    reading, receipt = await spend(router, 30)
    assert isinstance(reading.error, errors.BudgetReached)
    [attempt] = receipt.attempts
    assert (attempt.outcome, attempt.error) == ("cancelled", None)
    assert 30 <= receipt.total_cost_usd <= 30 + 2, "within one token's price"


async def test_a_budget_for_a_token_and_a_half_affords_one():
    """Pieces need not be tokens: a second one of two letters begins the next token."""
    reading, receipt = await spend(router_at(1, 2, ["four", "tw", "four"]), 13)
    assert isinstance(reading.error, errors.BudgetReached)
    assert (reading.text, receipt.total_cost_usd) == ("four", 10 + 2 * 2)


async def test_a_cut_closes_the_vendor_and_counts_for_nobody():
    router = router_at(1, 2, ["four"] * 100, breaker_threshold=1)
    await spend(router, 30)
    [candidate] = router.candidates
    assert candidate.source.open == 0
    assert candidate.breaker.peek().state == "closed"


async def test_an_answer_inside_its_budget_comes_whole():
    router = router_at(1, 2, whole(*["four"] * 10, usage=Usage(10, 10)))
    reading, receipt = await spend(router, 30)
    assert reading.error is None
    assert receipt.total_cost_usd == 30


@pytest.mark.parametrize("budget", [39, 40])
async def test_nothing_is_sent_when_the_prompt_alone_reaches_the_budget(budget):
    router = router_at(4, 2, whole("never"))
    reading, receipt = await spend(router, budget)
    assert isinstance(reading.error, errors.BudgetReached)
    assert reading.events == []
    assert receipt.attempts == []
    assert receipt.total_cost_usd == 0
    assert [c.source.calls for c in router.candidates] == [0]


async def test_the_vendors_own_count_of_the_prompt_replaces_the_estimate():
    """It says 24 where ten were estimated: three words are left instead of ten."""
    router = router_at(1, 2, [Usage(input_tokens=24), *["four"] * 100])
    reading, _ = await spend(router, 30)
    assert isinstance(reading.error, errors.BudgetReached)
    assert len(reading.of("token")) == 3


async def test_a_smaller_count_of_the_prompt_leaves_more_for_words():
    router = router_at(1, 2, [Usage(input_tokens=2), *["four"] * 100])
    reading, _ = await spend(router, 30)
    assert len(reading.of("token")) == 14


async def test_reasoning_is_paid_from_the_same_budget():
    router = router_at(1, 2, [Thinking("four"), "four"] * 50)
    reading, receipt = await spend(router, 30)
    assert isinstance(reading.error, errors.BudgetReached)
    assert len(reading.of("token")) == 5
    assert receipt.total_cost_usd <= 32


async def test_what_earlier_attempts_cost_is_gone():
    fails, answers = Fake("a", ["four" * 5, errors.Reset]), Fake("b", ["four"] * 100)
    router = router_of(fails, answers, catalog={n: {"m": priced(1, 2)} for n in "ab"})
    _, receipt = await spend(router, 50)
    assert [a.outcome for a in receipt.attempts] == ["failed", "cancelled"]
    assert receipt.attempts[0].cost_usd == 20
    assert 50 <= receipt.total_cost_usd <= 52


async def test_who_cannot_be_paid_takes_back_no_words():
    fails, other = Fake("a", ["four" * 5, errors.Reset]), Fake("b")
    router = router_of(fails, other, catalog={n: {"m": priced(1, 2)} for n in "ab"})
    reading, _ = await spend(router, 25)
    assert isinstance(reading.error, errors.BudgetReached)
    assert (reading.types, other.calls) == (["route", "token"], 0)


async def test_what_was_spent_before_a_restart_is_gone():
    past = Past(attempts=[Attempt("a", "m", outcome="interrupted", cost_usd=Decimal(25))])
    router = router_at(1, 2, whole("never"))
    reading, receipt = await spend(router, 30, past=past)
    assert isinstance(reading.error, errors.BudgetReached)
    assert len(receipt.attempts) == 1


async def test_an_attempt_of_unknown_cost_does_not_open_the_budget():
    past = Past(attempts=[Attempt("b", "unpriced", outcome="interrupted")])
    reading, _ = await spend(router_at(1, 2, ["four"] * 100), 30, past=past)
    assert isinstance(reading.error, errors.BudgetReached)


async def test_a_retry_is_paid_from_what_is_left():
    router = router_at(1, 2, [errors.Reset], whole("never"), retry_attempts=1)
    reading, receipt = await spend(router, 15)
    assert isinstance(reading.error, errors.BudgetReached)
    assert receipt.total_cost_usd == 10
    assert [c.source.calls for c in router.candidates] == [1]


async def test_without_a_price_a_budget_cannot_cut():
    router = router_of(Fake("a", whole(*["four"] * 100)), catalog={"a": {"m": free(price=None)}})
    reading, _ = await spend(router, "0.01")
    assert reading.error is None


async def test_what_costs_nothing_is_not_cut():
    router = router_of(Fake("a", whole(*["four"] * 100)))
    reading, receipt = await spend(router, "0.01")
    assert reading.error is None
    assert receipt.total_cost_usd == 0


async def test_behind_a_long_prompt_words_cost_what_they_cost_there():
    """claude-haiku-5-5 takes five times as much for words behind 100,000 tokens of prompt."""
    claude = Fake("claude", ["four" * 1000] * 100, models=("claude-haiku-5-5",))
    router = router_of(claude, catalog=load_catalog())
    reading, receipt = await spend(router, "0.07", prompt="four" * 120_000)
    assert isinstance(reading.error, errors.BudgetReached)
    assert Decimal("0.07") <= receipt.total_cost_usd <= Decimal("0.07") + Decimal("0.0025")


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 400),
    st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=40),
    st.booleans(),
)
async def test_no_answer_costs_more_than_its_budget_and_one_token(
    of_input, of_output, budget, words, counted
):
    first = [Usage(input_tokens=15)] if counted else []
    router = router_at(of_input, of_output, [*first, *words, Finish("stop")])
    reading, receipt = await spend(router, budget)
    assert receipt.total_cost_usd <= budget + of_output * 1 + (5 * of_input if counted else 0)
    if reading.error is None:
        assert reading.text == "".join(words)
    else:
        assert isinstance(reading.error, errors.BudgetReached)
        assert receipt.total_cost_usd + of_output >= budget or not receipt.attempts
