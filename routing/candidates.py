"""The candidates: each provider and model that may be tried, with the parts that guard it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from providers.base import Provider, Usage
from resilience.circuit_breaker import CircuitBreaker
from resilience.deadline import Deadline
from resilience.gate import Gate
from resilience.retry_handler import RetryHandler
from routing.catalog import Catalog, Model, model_of
from routing.choice import Facts
from routing.prices import Prices
from settings import Settings


@dataclass(frozen=True)
class Candidate:
    """One provider's one model. Breakers are per candidate; gates and retries per provider."""

    provider: str
    model: str
    known: Model
    rank: int
    missing: str | None
    source: Provider
    gate: Gate
    breaker: CircuitBreaker
    retry: RetryHandler

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


class Candidates:
    """All of them, in the order in which they are listed to people."""

    def __init__(
        self, providers: Mapping[str, Provider], settings: Settings, catalog: Catalog
    ) -> None:
        self.prices = Prices(catalog)
        self._settings = settings
        self._all = {
            candidate.name: candidate
            for provider in providers.values()
            if not settings.providers or provider.name in settings.providers
            for candidate in _candidates(provider, settings, catalog)
        }

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._all.values())

    def __getitem__(self, picked: Facts) -> Candidate:
        return self._all[f"{picked.provider}/{picked.model}"]

    def deadline(self) -> Deadline:
        """The patience with one request, all its attempts included."""
        settings = self._settings
        return Deadline(
            settings.first_token_timeout_s, settings.idle_timeout_s, settings.total_timeout_s
        )

    def price(self, candidate: Candidate, usage: Usage) -> Decimal | None:
        return self.prices(candidate.provider, candidate.model, usage)


def _candidates(provider: Provider, settings: Settings, catalog: Catalog) -> Iterator[Candidate]:
    gate = Gate(provider.name)
    retry = RetryHandler(attempts=settings.retry_attempts, base_s=settings.retry_base_s)
    rank = 0
    if settings.providers:
        rank = settings.providers.index(provider.name) + 1
    for model in provider.models():
        yield Candidate(
            provider=provider.name,
            model=model,
            known=model_of(catalog, provider.name, model),
            rank=rank,
            missing=provider.missing(settings),
            source=provider,
            gate=gate,
            breaker=CircuitBreaker(
                f"{provider.name}/{model}",
                threshold=settings.breaker_threshold,
                reset_s=settings.breaker_reset_s,
            ),
            retry=retry,
        )
