"""Scoring: the seller's table as code. Fields and checked quotes in, components and a tier out.

It is a priority score, from 0 to 100 by that table, and no probability. Points come from a level
and a weight and from nothing else, so the same input has the same score, a component without
evidence has no points, and taking a quote away never raises a score.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from agents.grounding.facts import Ledger
from agents.grounding.seller import ComponentName, IdealCustomer, Scoring, SellerProfile

State = Literal["positive", "partial", "known_negative", "unknown"]
TierName = Literal["hot", "warm", "cold", "insufficient_data", "disqualified"]

MEANING = "A priority from 0 to 100 by the seller's own table; it is no probability."

_FIELDS: dict[ComponentName, str] = {
    "industry": "industry",
    "size": "employee_count",
    "geo": "country",
    "persona": "title",
    "intent": "source",
}
"""The components that fields decide; the others need words of the lead."""


PROFILE_COMPONENTS: tuple[ComponentName, ...] = ("industry", "size", "geo")
"""Whom the seller sells to; outside of it nothing that is said makes a fit."""


class Evidence(BaseModel):
    """Where a component comes from: a field by its name, or a quote and the text it stands in."""

    kind: Literal["quote", "field"]
    ref: str
    quote: str | None = None


class Component(BaseModel):
    """One line of the table. `points` of `max`; `evidence` is None for what is unknown."""

    name: ComponentName
    points: int = 0
    max: int
    state: State = "unknown"
    evidence: Evidence | None = None


Components = dict[ComponentName, Component]


class Score(BaseModel):
    """`score_max`: were every unknown to turn out good; `coverage`: the weight of what is known.

    `gated_by` says what keeps a lead with a hot score from being hot.
    """

    score: int
    score_max: int
    coverage: int
    tier: TierName
    gated_by: list[str] = []


def from_fields(ledger: Ledger, profile: SellerProfile) -> Components:
    """All components, those that fields decide decided."""
    scoring = profile.scoring
    levels: Mapping[ComponentName, str | None] = {
        "industry": _industry(ledger.value("industry"), profile.icp),
        "size": _size(ledger.value("employee_count"), profile),
        "geo": _geo(ledger.value("country"), profile.icp),
        "persona": _persona(ledger.value("title"), profile.icp),
        "intent": scoring.sources.get(_plain(ledger.value("source") or "").replace(" ", "_")),
    }
    components = {name: unknown(name, scoring) for name in scoring.weights}
    for name, level in levels.items():
        if level is not None:
            evidence = Evidence(kind="field", ref=_FIELDS[name])
            components[name] = known(name, level, evidence, scoring)
    return components


def unknown(name: ComponentName, scoring: Scoring) -> Component:
    return Component(name=name, max=scoring.weights[name])


def known(name: ComponentName, level: str, evidence: Evidence, scoring: Scoring) -> Component:
    """A component at one of its levels."""
    share = scoring.levels[name][level]
    state: State = "positive" if share == 1 else "partial" if share else "known_negative"
    most = scoring.weights[name]
    return Component(
        name=name, points=round(most * share), max=most, state=state, evidence=evidence
    )


def score_of(components: Iterable[Component], scoring: Scoring, *, disqualified: bool) -> Score:
    """What the components add up to."""
    by_name = {component.name: component for component in components}
    score = sum(component.points for component in by_name.values())
    open_points = sum(c.max for c in by_name.values() if c.state == "unknown")
    coverage = 100 - open_points
    gates = _gates(by_name, coverage, scoring)
    return Score(
        score=score,
        score_max=score + open_points,
        coverage=coverage,
        tier=_tier(score, coverage, gates, scoring, disqualified=disqualified),
        gated_by=gates if score >= scoring.tiers.hot.score else [],
    )


def confidence_of(components: Iterable[Component], ledger: Ledger, *, doubts: int) -> float:
    """0 to 1: how much of the table is known, and how well; each of the `doubts` (what was
    refused or contradicts itself) takes a tenth of it."""
    sure = sum(c.max * _sureness(c, ledger) for c in components if c.state != "unknown")
    return round(sure / 100 * 0.9**doubts, 2)


def _sureness(component: Component, ledger: Ledger) -> float:
    if component.evidence is None or component.evidence.kind == "quote":
        return 1.0
    fact = ledger.of(component.evidence.ref)
    return fact.confidence if fact else 1.0


def _tier(
    score: int, coverage: int, gates: list[str], scoring: Scoring, *, disqualified: bool
) -> TierName:
    tiers = scoring.tiers
    if disqualified:
        return "disqualified"
    if coverage < tiers.insufficient_data.coverage:
        return "insufficient_data"
    if score >= tiers.hot.score and not gates:
        return "hot"
    return "warm" if score >= tiers.warm.score else "cold"


def _gates(
    components: Mapping[ComponentName, Component], coverage: int, scoring: Scoring
) -> list[str]:
    """What stands between these components and a hot lead, the score apart."""
    hot = scoring.tiers.hot
    gates = [f"{n} is not positive" for n in hot.positive if components[n].state != "positive"]
    negative = [n for n in hot.not_negative if components[n].state == "known_negative"]
    gates += [f"{name} is known to be negative" for name in negative]
    return gates + ([f"coverage is below {hot.coverage}"] if coverage < hot.coverage else [])


def _industry(value: Any, icp: IdealCustomer) -> str | None:
    if value is None or _is_foreign(value):
        return None
    if _plain(value) in map(_plain, icp.industries_target):
        return "target"
    return "adjacent" if _plain(value) in map(_plain, icp.industries_adjacent) else "other"


def _size(value: int | None, profile: SellerProfile) -> str | None:
    if value is None:
        return None
    least, most, factor = (
        profile.icp.employees_min, profile.icp.employees_max, profile.scoring.size_factor,
    )  # fmt: skip
    if least <= value <= most:
        return "in_range"
    return "near" if least <= value * factor and value <= most * factor else "outside"


def _geo(value: str | None, icp: IdealCustomer) -> str | None:
    if value is None:
        return None
    return "served" if value in icp.countries_served else "not_served"


def _persona(title: str | None, icp: IdealCustomer) -> str | None:
    """A persona matches when all its words stand in the title in this order."""
    if title is None or _is_foreign(title):
        return None
    words = _plain(title).split()
    if any(_in_order(_plain(persona).split(), words) for persona in icp.personas_senior):
        return "senior"
    adjacent = any(_in_order(_plain(p).split(), words) for p in icp.personas_adjacent)
    return "adjacent" if adjacent else "other"


def _in_order(wanted: list[str], words: list[str]) -> bool:
    rest = iter(words)
    return all(word in rest for word in wanted)


def _plain(text: str) -> str:
    """Case and punctuation folded: `V.P., Finance` is `vp finance`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    abbreviated = re.sub(r"\b(?:\w\.)+\w?\b", lambda found: found[0].replace(".", ""), folded)
    return " ".join(re.findall(r"\w+", abbreviated))


def _is_foreign(text: str) -> bool:
    """In a script that rules cannot read: no Latin letter in it."""
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and not any(unicodedata.name(c, "").startswith("LATIN") for c in letters)
