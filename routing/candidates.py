"""The candidates: each provider and model that may be tried, with the parts that guard it."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from providers.base import Provider, Usage
from resilience.circuit_breaker import CircuitBreaker
from resilience.deadline import Deadline
from resilience.gate import Gate
from resilience.retry_handler import RetryBudget, RetryHandler
from routing.catalog import Catalog, Model, model_of
from routing.choice import Facts
from routing.estimates import Estimate
from routing.learnt import Learnt, learnt_from
from routing.prices import Prices
from settings import Settings

logger = logging.getLogger("leadstream.router")


@dataclass(frozen=True)
class Candidate:
    """One provider's one model. The gate and the retries are shared by a provider's models."""

    provider: str
    model: str
    known: Model
    rank: int
    missing: str | None
    source: Provider
    gate: Gate
    breaker: CircuitBreaker
    retry: RetryHandler
    estimate: Estimate

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    def to_state(self, wall: float) -> dict[str, Any]:
        """What is worth keeping over a restart."""
        return {
            "gate": self.gate.to_state(wall),
            "breaker": self.breaker.to_state(wall),
            "estimate": self.estimate.to_state(wall),
        }

    def restore(self, state: Learnt, wall: float) -> None:
        self.gate.restore(state["gate"], wall)
        self.breaker.restore(state["breaker"], wall)
        self.estimate.restore(state["estimate"], wall)


class Candidates:
    """All of them, in the order in which they are listed to people."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Settings,
        catalog: Catalog,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.prices = Prices(catalog)
        self._settings = settings
        self._wall = wall
        self._touched: set[str] = set()
        self._all = {
            candidate.name: candidate
            for provider in providers.values()
            if not settings.providers or provider.name in settings.providers
            for candidate in _candidates(provider, settings, catalog, clock)
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

    def touch(self, candidate: Candidate) -> None:
        """An attempt has told something about `candidate`: its state is worth saving."""
        self._touched.add(candidate.name)

    def unsaved(self) -> dict[str, dict[str, Any]]:
        """The states that changed since this was last asked, by name."""
        touched, self._touched = self._touched, set()
        wall = self._wall()
        return {name: self._all[name].to_state(wall) for name in sorted(touched)}

    def restore(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Take up what an earlier process had learnt; one that is unreadable is forgotten."""
        readable = {}
        for name, state in states.items():
            if name not in self._all:
                continue
            try:
                readable[name] = learnt_from(state)
            except msgspec.ValidationError as error:
                logger.warning("what was known of %s cannot be read: %s", name, error)
        wall = self._wall()
        # The newest last: a provider's models share its gate, and an old row would open it.
        for name, learnt in sorted(readable.items(), key=lambda item: item[1]["gate"]["at"]):
            self._all[name].restore(learnt, wall)


def _candidates(
    provider: Provider, settings: Settings, catalog: Catalog, clock: Callable[[], float]
) -> Iterator[Candidate]:
    missing = provider.missing(settings)
    gate = Gate(provider.name, _fingerprint(provider.name, settings), clock=clock)
    retry = RetryHandler(
        attempts=settings.retry_attempts,
        base_s=settings.retry_base_s,
        budget=RetryBudget(clock=clock),
    )
    rank = settings.providers.index(provider.name) + 1 if settings.providers else 0
    for model in provider.models():
        known = model_of(catalog, provider.name, model)
        yield Candidate(
            provider=provider.name,
            model=model,
            known=known,
            rank=rank,
            missing=missing,
            source=provider,
            gate=gate,
            breaker=CircuitBreaker(
                f"{provider.name}/{model}",
                threshold=settings.breaker_threshold,
                reset_s=settings.breaker_reset_s,
                clock=clock,
                on_change=_log_change,
            ),
            retry=retry,
            estimate=Estimate(known, clock=clock),
        )


def _fingerprint(provider: str, settings: Settings) -> str:
    """What the provider is configured with, as a digest: a gate closed for one key says nothing
    of the next. The name keeps two providers' digests apart."""
    said = settings.vendor_settings()
    return hashlib.sha256(repr((provider, said)).encode()).hexdigest()[:16]


def _log_change(name: str, old: str, new: str, why: str) -> None:
    logger.warning("breaker of %s: %s → %s (%s)", name, old, new, why)
