"""The ledger: what is known about a lead, as numbered facts and named texts. Nothing else counts.

A fact is one value with where and when it comes from, and is cited as `F7`. A text is what somebody
wrote (`notes`, `messages[3]`) and is cited by an exact quote. What is missing is written as
missing. Values and texts hold no instructions to models any more: see `injection`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from agents.grounding.folding import Folded, Span, without
from agents.grounding.injection import CUT, Scan, scan, trusted_value
from agents.grounding.lead import Lead

Subject = Literal["person", "company", "contact"]
Value = str | int | float | bool
Speaker = Literal["lead", "agent", "research"]

RECORD = "lead record"
"""The source of what the user's own record of a lead says."""

_SUBJECTS: dict[str, Subject] = {
    "first_name": "person",
    "last_name": "person",
    "title": "person",
    "email": "person",
    "phone": "person",
    "language": "person",
    "company_name": "company",
    "domain": "company",
    "website": "company",
    "country": "company",
    "city": "company",
    "industry": "company",
    "employee_count": "company",
    "annual_revenue_usd": "company",
    "source": "contact",
    "source_detail": "contact",
}
"""The fields of a lead that are facts, in the order in which they are numbered."""


@dataclass(frozen=True)
class Fact:
    """`observed_at` is ISO 8601 or None; `confidence` 0 to 1, 1 for a user's own entry."""

    subject: Subject
    field: str
    value: Value
    source: str = RECORD
    observed_at: str | None = None
    confidence: float = 1.0
    id: str = ""
    """`F1`, `F2` …: given by the ledger."""

    def shown(self) -> dict[str, Any]:
        """As JSON has it; the id first."""
        rest = {name: getattr(self, name) for name in list(self.__dataclass_fields__)[:-1]}
        return {"id": self.id, **rest}


@dataclass(frozen=True)
class FreeText:
    """What somebody wrote. `speaker` is `agent` for our own side's words: no evidence."""

    name: str
    text: str
    speaker: Speaker = "lead"
    at: str | None = None

    @cached_property
    def scan(self) -> Scan:
        return scan(self.text)

    @cached_property
    def folded(self) -> Folded:
        return Folded(self.text)

    @cached_property
    def trusted(self) -> str:
        """What of it counts."""
        return without(self.text, self.scan.refused).strip()

    @property
    def shown(self) -> str:
        """What a model is shown of it, to be put between markers."""
        return without(self.text, self.scan.cut, f" {CUT} ").strip()

    def places(self, quote: str) -> list[Span]:
        """Where a quote stands in it, outside of what does not count."""
        return [span for span in self.folded.find(quote) if not self.scan.refuses(span)]


class Ledger:
    """All that an agent may rely on about one lead. Build it with `ledger_of`."""

    def __init__(self, facts: Iterable[Fact], texts: Sequence[FreeText]) -> None:
        self.facts = tuple(replace(f, id=f"F{n}") for n, f in enumerate(facts, start=1))
        self.texts = tuple(texts)
        known = {fact.field for fact in self.facts}
        self.missing = tuple(field for field in _SUBJECTS if field not in known)

    def fact(self, fact_id: str) -> Fact | None:
        return next((fact for fact in self.facts if fact.id == fact_id), None)

    def of(self, field: str) -> Fact | None:
        """The fact that stands for a field: the user's own before any other."""
        return next((fact for fact in self.facts if fact.field == field), None)

    def value(self, field: str) -> Any:
        """The value of a field, None for unknown."""
        fact = self.of(field)
        return None if fact is None else fact.value

    def text(self, name: str) -> FreeText | None:
        return next((text for text in self.texts if text.name == name), None)

    @property
    def said_by_lead(self) -> tuple[FreeText, ...]:
        """The texts that can be evidence, the earliest first."""
        return tuple(text for text in self.texts if text.speaker == "lead")

    def render(self) -> str:
        """For a prompt: put it between markers with `injection.fenced`."""
        lines = [_line(fact) for fact in self.facts]
        lines.append(f"Missing: {', '.join(self.missing) or 'nothing'}")
        for text in self.texts:
            who = {"lead": "the lead's side", "agent": "our side", "research": "research"}
            lines.append(f"\n{text.name} ({who[text.speaker]}{_at(text.at)}):\n{text.shown}")
        return "\n".join(lines)


def ledger_of(lead: Lead, more: Iterable[Fact] = (), texts: Iterable[FreeText] = ()) -> Ledger:
    """The ledger of a lead; `more` facts (of enrichment) and `texts` (of research) come last."""
    seen = _iso(lead.created_at)
    values = {field: _clean(getattr(lead, field)) for field in _SUBJECTS}
    own = [
        Fact(_SUBJECTS[field], field, value, RECORD, seen)
        for field, value in values.items()
        if value is not None
    ]
    others = [replace(fact, value=v) for fact in more if (v := _clean(fact.value)) is not None]
    said = [FreeText("notes", lead.notes)] if lead.notes else []
    said += [
        FreeText(f"messages[{number}]", message.text, message.role, _iso(message.at))
        for number, message in enumerate(lead.messages or ())
        if message.text.strip()
    ]
    return Ledger([*own, *others], [*said, *texts])


def _clean(value: Any) -> Any:
    """A value without what is said to models in it, white space folded; None for nothing left."""
    if not isinstance(value, str):
        return value
    return " ".join(trusted_value(value).split()) or None


def _line(fact: Fact) -> str:
    where = f"{fact.source}{_at(fact.observed_at)}"
    return f"{fact.id} {fact.subject} {fact.field} = {fact.value} ({where})"


def _at(moment: str | None) -> str:
    return f", {moment[:10]}" if moment else ""


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
