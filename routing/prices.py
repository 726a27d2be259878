"""What a token costs: the offline table of genai-prices, under the overrides of `models.toml`.

Prices depend on the hour at some vendors and on the size of the prompt at others, so a price is
always asked for one usage at one time, and never kept as a rate. The table takes 80 µs or more to
say one, so an answer is remembered for its minute: no price changes within one.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from providers.base import Usage
from routing.catalog import Catalog, model_of

_MILLION = Decimal(1_000_000)

_VENDORS = {"claude": "anthropic", "cerebras": "cerebras", "deepseek": "deepseek"}
"""The names under which genai-prices lists our providers; a provider not named has its own."""


class Prices:
    """Call it: `prices(provider, model, usage, at)` in USD, None where no price is known."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def load(self) -> None:
        """Import the table: a quarter of a second, so off the event loop and before it is asked."""
        import genai_prices  # noqa: F401

    def __call__(
        self, provider: str, model: str, usage: Usage, at: datetime | None = None
    ) -> Decimal | None:
        known = model_of(self._catalog, provider, model)
        if known.price is not None:
            of_input, of_output = known.price
            cost = usage.input_tokens * of_input + usage.output_tokens * of_output
            return cost / _MILLION
        minute = (at or datetime.now(UTC)).replace(second=0, microsecond=0)
        return _listed(provider, model, usage, minute)

    def per_million(self, provider: str, model: str) -> dict[str, Decimal] | None:
        """What a thousand tokens cost now, times a thousand: a figure to show, not to add up.

        Some prices depend on the size of the prompt; this is that of a small one.
        """
        at = datetime.now(UTC)
        of_input = self(provider, model, Usage(input_tokens=1000), at)
        of_output = self(provider, model, Usage(output_tokens=1000), at)
        if of_input is None or of_output is None:
            return None
        return {"input": of_input * 1000, "output": of_output * 1000}


@lru_cache(maxsize=4096)
def _listed(provider: str, model: str, usage: Usage, at: datetime) -> Decimal | None:
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    try:
        found = calc_price(
            Counted(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_input_tokens,
                cache_write_tokens=usage.cache_write_tokens,
                output_reasoning_tokens=usage.reasoning_tokens,
            ),
            model_ref=model,
            provider_id=_VENDORS.get(provider, provider),
            genai_request_timestamp=at,
        )
    except LookupError:
        return None
    # Some models are listed without a price, which adds up to 0.
    listed = found.model_price
    known = listed.input_mtok is not None or listed.output_mtok is not None
    return found.total_price if known else None
