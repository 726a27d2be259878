"""Findings: what is known of a lead, field by field, each with who says so.

The user's own record comes first and is never overwritten: of two values that differ the earlier
one stands, and the other is a conflict that is shown. Two that agree confirm each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.grounding.facts import RECORD, Fact, Ledger
from agents.grounding.gate import finding
from agents.grounding.sources.base import COMPANY, FIELDS
from agents.grounding.sources.values import same
from agents.grounding.verifier import Event

DERIVED = 0.9
"""The confidence of a company's domain that is read from an address."""


class Findings:
    """Begins with the user's own record, and a `domain` that follows from it."""

    def __init__(self, wanted: Sequence[str], ledger: Ledger, domain: str | None) -> None:
        self.conflicts: list[dict[str, Any]] = []
        self._wanted = wanted
        own = [fact for fact in ledger.facts if fact.source == RECORD and fact.field in FIELDS]
        if domain and not any(fact.field == "domain" for fact in own):
            own.append(Fact("company", "domain", domain, RECORD, None, DERIVED))
        self.fields: dict[str, Any] = {
            fact.field: {
                "value": fact.value,
                "source": RECORD,
                "retrieved_at": fact.observed_at,
                "confidence": fact.confidence,
                "status": "single_source" if fact.confidence == 1 else "derived",
            }
            for fact in own
        }

    @property
    def missing(self) -> list[str]:
        return [name for name in self._wanted if name not in self.fields]

    def add(self, found: Mapping[str, dict[str, Any]]) -> Iterator[Event]:
        """What a source says of the wanted fields; yields each field and conflict as an event."""
        for name in (name for name in self._wanted if name in found):
            field = self.fields.setdefault(name, {})
            if not field:
                field |= found[name]
            elif same(name, field["value"], found[name]["value"]):
                doubt = (1 - field["confidence"]) * (1 - found[name]["confidence"])
                field |= {"status": "confirmed", "confidence": round(1 - doubt, 4)}
            else:
                field["status"] = "conflict"
                sides = {"kept": field, "other": found[name]}
                said = {s: {n: f[n] for n in ("value", "source")} for s, f in sides.items()}
                self.conflicts.append({"field": name, **said})
                yield finding(f"conflicts[{len(self.conflicts) - 1}]", self.conflicts[-1])
            yield finding(f"fields.{name}", dict(field))


def facts_of(fields: Mapping[str, Any]) -> list[Fact]:
    """The fields of a result as facts, to be numbered."""
    return [
        Fact(
            "company" if name in COMPANY else "person",
            name,
            *(field[part] for part in ("value", "source", "retrieved_at", "confidence")),
        )
        for name, field in fields.items()
    ]
