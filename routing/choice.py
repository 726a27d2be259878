"""The choice, a pure function: facts about candidates and an Ask in, a Decision out.

It calls nobody and reads no clock, so the same facts give the same Decision, and the `route` event,
the stored execution and `POST /api/route/explain` show the same thing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from routing.ask import Ask
from routing.catalog import Model

Verdict = Literal[
    "chosen",
    "possible",
    "too_slow",
    "too_dear",
    "unpriced",
    "too_long",
    "unfit",
    "toy",
    "not_asked",
    "failed",
    "open",
    "gated",
    "not_configured",
]

_BOUNDS = ("too_slow", "too_dear", "unpriced")
"""Verdicts that only keep a candidate back while somebody is inside the bounds."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate as it stands now."""

    provider: str
    model: str
    known: Model
    rank: int
    """Its provider's place in PROVIDERS; 0 for all where that is not set."""
    missing: str | None = None
    """The setting that keeps it from being used."""
    gated: str | None = None
    open: str | None = None
    failed: str | None = None
    """Why it is out for this request: it was tried and failed."""
    latency_ms: float = 0
    cost_usd: Decimal | None = None


class Considered(msgspec.Struct, frozen=True):
    provider: str
    model: str
    verdict: Verdict
    why: str


class Decision(msgspec.Struct, frozen=True):
    """Who was picked, and what was said of everybody; `picked` is None when nobody may be asked."""

    ask: Ask
    picked: Facts | None
    reason: str
    considered: tuple[Considered, ...]
    outside: str | None = None
    """Why the one picked is outside the bounds; None when it is inside."""

    def event(self) -> dict[str, Any]:
        """The `route` event."""
        picked = self.picked
        return {
            "type": "route",
            "provider": picked and picked.provider,
            "model": picked and picked.model,
            "task_type": self.ask.task_type,
            "reason": self.reason,
            "estimated_cost_usd": picked and picked.cost_usd,
            "estimated_latency_ms": picked and round(picked.latency_ms),
            "considered": [msgspec.structs.asdict(c) for c in self.considered],
        }


def choose(candidates: Sequence[Facts], ask: Ask) -> Decision:
    """Rank the candidates and say of each why it is or is not the one."""
    toys_may = all(c.known.toy or c.missing for c in candidates)
    judged = [(facts, *_judge(facts, ask, toys_may)) for facts in candidates]
    inside = [facts for facts, verdict, _ in judged if verdict == "possible"]
    outside = [facts for facts, verdict, _ in judged if verdict in _BOUNDS]
    if ask.strict:
        outside = []
    picked = min(inside, key=lambda f: _rank(f, ask), default=None) or min(
        outside, key=lambda f: (_excess(f, ask), _rank(f, ask)), default=None
    )
    considered = tuple(
        Considered(facts.provider, facts.model, "chosen" if facts is picked else verdict, why)
        for facts, verdict, why in judged
    )
    why_outside = next((why for f, v, why in judged if f is picked and v in _BOUNDS), None)
    return Decision(ask, picked, _reason(picked, ask, why_outside), considered, why_outside)


def _judge(facts: Facts, ask: Ask, toys_may: bool) -> tuple[Verdict, str]:
    """The first thing that speaks against a candidate, or that nothing does."""
    checks = (_unusable(facts), _unasked(facts, ask, toys_may), _out_of_bounds(facts, ask))
    return next((found for found in checks if found), ("possible", "inside the bounds"))


def _unusable(facts: Facts) -> tuple[Verdict, str] | None:
    if facts.missing:
        return "not_configured", f"{facts.missing} is not set"
    if facts.gated:
        return "gated", facts.gated
    if facts.open:
        return "open", facts.open
    if facts.failed:
        return "failed", facts.failed
    return None


def _unasked(facts: Facts, ask: Ask, toys_may: bool) -> tuple[Verdict, str] | None:
    if ask.provider:
        if ask.provider in (facts.provider, f"{facts.provider}/{facts.model}"):
            return None
        return "not_asked", f"{ask.provider} was asked for by name"
    if facts.known.fit_for(ask.task_type) == 0 and (facts.known.toy or not facts.rank):
        return "unfit", f"not fit for {ask.task_type}: ask for it by name"
    if facts.known.toy and not toys_may:
        return "toy", "a toy: answers only where no other provider is configured"
    return None


def _out_of_bounds(facts: Facts, ask: Ask) -> tuple[Verdict, str] | None:
    needed = ask.input_tokens + ask.max_tokens
    if needed > facts.known.context:
        return "too_long", f"{needed} tokens do not fit into {facts.known.context}"
    if ask.max_latency_ms is not None and facts.latency_ms > ask.max_latency_ms:
        return "too_slow", f"about {facts.latency_ms:.0f} ms, bound {ask.max_latency_ms:g} ms"
    if ask.max_cost_usd is not None and facts.cost_usd is not None:
        if facts.cost_usd > ask.max_cost_usd:
            return "too_dear", f"about ${facts.cost_usd:f}, bound ${ask.max_cost_usd:f}"
    elif ask.max_cost_usd is not None and ask.strict:
        return "unpriced", "no price is known for it"
    return None


def _excess(facts: Facts, ask: Ask) -> float:
    """How far outside the bounds: 1 is on the bound that it keeps worst, 2 is twice that bound."""
    excess = 0.0
    if ask.max_latency_ms:
        excess = facts.latency_ms / ask.max_latency_ms
    if ask.max_cost_usd and facts.cost_usd is not None:
        excess = max(excess, float(facts.cost_usd / ask.max_cost_usd))
    return excess


def _rank(facts: Facts, ask: Ask) -> tuple[int, int, Decimal, str, str]:
    """PROVIDERS' order where it is set; else fitness, then estimated cost, then name."""
    fitness = facts.known.fit_for(ask.fit_as or ask.task_type)
    cost = facts.cost_usd if facts.cost_usd is not None else Decimal("inf")
    return facts.rank, -fitness, cost, facts.provider, facts.model


def _reason(picked: Facts | None, ask: Ask, outside: str | None) -> str:
    if picked is None:
        return "nobody may be asked"
    if ask.provider:
        return "asked for by name"
    if outside:
        return f"nearest to the bounds: {outside}"
    if picked.rank:
        return "first of PROVIDERS that may be asked"
    return f"fittest for {ask.task_type} inside the bounds"
