"""The prices: exact, of one usage at one time, and never 0 for what is not known."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Usage
from routing.catalog import Model, load_catalog
from routing.prices import Prices
from streams.sse import to_json

NIGHT = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def prices():
    prices = Prices(load_catalog())
    prices.load()
    return prices


def test_the_first_specifications_figures_are_exact(prices):
    claude = prices("claude", "claude-sonnet-4-20250514", Usage(31, 110), NOON)
    cerebras = prices("cerebras", "llama3.1-8b", Usage(30, 30), NOON)
    assert (claude, cerebras) == (Decimal("0.001743"), Decimal("0.000006"))
    assert to_json([claude, cerebras]) == b"[0.001743,0.000006]", "as JSON numbers"


def test_money_is_never_rounded(prices):
    one = prices("deepseek", "deepseek-v4-flash", Usage(1, 0), NOON)
    many = prices("deepseek", "deepseek-v4-flash", Usage(1_000_003, 0), NOON)
    assert many == one * 1_000_003


def test_cached_tokens_have_their_own_rates(prices):
    plain = prices("claude", "claude-sonnet-4-20250514", Usage(1000, 100), NOON)
    cached = prices("claude", "claude-sonnet-4-20250514", Usage(1000, 100, 800), NOON)
    written = prices("claude", "claude-sonnet-4-20250514", Usage(1000, 100, 0, 800), NOON)
    assert plain == Decimal("0.0045")
    assert cached == (200 * 3 + 800 * Decimal("0.3") + 100 * 15) / Decimal(1_000_000)
    assert written == (200 * 3 + 800 * Decimal("3.75") + 100 * 15) / Decimal(1_000_000)


def test_reasoning_is_output_and_costs_its_own_rate_where_it_has_one(prices):
    """None of our vendors has one yet; a provider that is not renamed is looked up as it is."""
    thought = Usage(0, 1000, reasoning_tokens=400)
    same = prices("claude", "claude-sonnet-4-20250514", thought, NOON)
    assert same == prices("claude", "claude-sonnet-4-20250514", Usage(0, 1000), NOON)
    own = prices("perplexity", "sonar-deep-research", thought, NOON)
    assert own == (600 * 8 + 400 * 3) / Decimal(1_000_000)


def test_a_price_can_depend_on_the_hour(prices):
    usage = Usage(1_000_000, 1_000_000)
    night = prices("deepseek", "deepseek-v4-flash", usage, NIGHT)
    assert night == 2 * prices("deepseek", "deepseek-v4-flash", usage, NOON)


def test_a_price_can_depend_on_the_size_of_the_prompt(prices):
    short = prices("claude", "claude-haiku-5-5", Usage(100_000, 1000), NOON)
    long = prices("claude", "claude-haiku-5-5", Usage(100_001, 1000), NOON)
    assert long > 4 * short


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("claude", "claude-never-heard-of"),
        ("a-new-vendor", "m"),
        ("cerebras", "qwen-3-coder-480b"),  # listed, without any price
    ],
)
def test_an_unknown_price_is_none_and_never_0(prices, provider, model):
    assert prices(provider, model, Usage(30, 30), NOON) is None
    assert prices.per_million(provider, model) is None


def test_what_runs_at_home_costs_0(prices):
    assert prices("ollama", "whatever", Usage(30, 30)) == 0
    assert prices("local", "smollm2-135m", Usage(30, 30)) == 0


def test_an_override_takes_the_place_of_the_table():
    ours = {"claude": {"claude-haiku-5-5": Model(price=(Decimal(2), Decimal("0.5")))}}
    usage = Usage(10, 20, cached_input_tokens=5)
    assert Prices(ours)("claude", "claude-haiku-5-5", usage) == Decimal("0.00003")
    assert Prices({})("claude", "claude-haiku-5-5", usage) != Decimal("0.00003")


def test_per_million_is_what_the_vendors_page_says(prices):
    assert prices.per_million("claude", "claude-sonnet-4-20250514") == {"input": 3, "output": 15}


counts = st.integers(0, 90_000)


@given(counts, counts, counts, counts, st.sampled_from([NIGHT, NOON]))
def test_within_a_tier_prices_add_up(prices, of_input, of_output, more_input, more_output, at):
    def price(*tokens):
        return prices("claude", "claude-sonnet-5-5", Usage(*tokens), at)

    total = price(of_input + more_input, of_output + more_output)
    assert total == price(of_input, of_output) + price(more_input, more_output)
