"""Evidence: what a model says that it read in a lead's words, and whether that counts.

A model names a component, a level and a quote. Code finds the quote, or refuses it; it reads the
date in it and counts the days; it asks whether such words can mean such a thing. Only then the
quote becomes a component with points, and the points come from the table.
"""

from datetime import date
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from agents.grounding.data import data, pattern
from agents.grounding.dates import deadline_in
from agents.grounding.folding import folded
from agents.grounding.scoring import Component, known
from agents.grounding.scoring import Evidence as Shown
from agents.grounding.seller import ComponentName, DisqualifierCode, Scoring
from agents.grounding.verifier import Backing, Quote, words_in

TextComponent = Literal["trigger", "pain", "metric", "timeline", "authority", "budget", "persona"]

Level = Literal[
    "changed",
    "stated",
    "denied",
    "quantified",
    "dated",
    "decides",
    "influences",
    "none",
    "allocated",
    "planned",
    "refused",
    "senior",
    "adjacent",
    "other",
]

LONGEST_QUOTE = 60
"""Words. Who quotes everything has shown nothing."""


class Found(BaseModel):
    """One piece of evidence as a model gives it."""

    component: TextComponent
    level: Level
    quote: str = Field(description="exact words of the lead, at most one sentence")
    by: str | None = Field(default=None, description="timeline only: the date meant, YYYY-MM-DD")


class FoundDisqualifier(BaseModel):
    """A reason why the lead is no buyer, beside those that rules know."""

    code: DisqualifierCode
    quote: str = Field(description="exact words of the lead")


class FoundContradiction(BaseModel):
    """Two statements of the lead that cannot both hold."""

    about: TextComponent
    earlier: str = Field(description="exact words of the lead")
    later: str = Field(description="exact words of the lead")


class FoundQuestion(BaseModel):
    """What a rep should ask next."""

    about: TextComponent
    question: str = Field(description="one question to the lead, at most 20 words")


class Checked(NamedTuple):
    """Evidence that counts. Of two for one component the one with the greater `place` stands."""

    component: Component
    place: tuple[int, int]


class Refused(NamedTuple):
    """Evidence that does not, and why."""

    code: str
    why: str


class Rules(NamedTuple):
    """What evidence is checked against."""

    backing: Backing
    scoring: Scoring
    as_of: date


def checked(found: Found, rules: Rules) -> Checked | Refused:
    """Whether what a model found counts."""
    name: ComponentName = found.component
    if name == "persona":
        return _persona(found, rules)
    quote = rules.backing.quote(found.quote)
    if quote is None:
        return Refused("unbacked_quote", f"{name}: {rules.backing.why_no_quote(found.quote)}")
    if not 2 <= words_in(quote.text) <= LONGEST_QUOTE:
        return Refused("unbacked_quote", f"{name}: the quote is too short or too long to show it")
    if not _can_mean(name, found.level, quote.text):
        return Refused("implausible", f"{name}: the quote does not speak of it")
    level = _days_level(found, quote, rules) if found.level == "dated" else found.level
    if level is None:
        return Refused("no_deadline", "timeline: the quote names no time that is still to come")
    if level not in rules.scoring.levels[name]:
        return Refused("implausible", f"{name} has no level {level}")
    shown = Shown(kind="quote", ref=quote.ref, quote=quote.text)
    return Checked(known(name, level, shown, rules.scoring), quote.place)


def _persona(found: Found, rules: Rules) -> Checked | Refused:
    """Titles in scripts that rules cannot read are left to the model; it must quote the title."""
    title: Any = rules.backing.ledger.value("title") or ""
    if not folded(found.quote) or folded(found.quote) not in folded(title):
        return Refused("unbacked_quote", "persona: the title does not have it")
    if found.level not in rules.scoring.levels["persona"]:
        return Refused("implausible", f"persona has no level {found.level}")
    shown = Shown(kind="field", ref="title")
    return Checked(known("persona", found.level, shown, rules.scoring), (0, 0))


def _can_mean(name: str, level: str, quote: str) -> bool:
    """Whether such words can mean such a thing at all: a sieve against what was made up."""
    if name == "metric":
        return pattern("figures", "quantities").search(quote) is not None
    if name in data("assessment")["plausible"] and level != "none":
        return pattern("assessment", "plausible", name).search(quote) is not None
    return True


def _days_level(found: Found, quote: Quote, rules: Rules) -> str | None:
    """How soon: the date that code reads in the quote, else the one that the model read."""
    deadline = deadline_in(quote.text, _said_on(quote, rules)) or _date(found.by)
    if deadline is None or deadline < rules.as_of:
        return None
    days = (deadline - rules.as_of).days
    if days <= rules.scoring.days.soon:
        return "soon"
    return "later" if days <= rules.scoring.days.later else "distant"


def _said_on(quote: Quote, rules: Rules) -> date:
    """The day of the message, else that on which the lead came in, never after `as_of`."""
    ledger = rules.backing.ledger
    text, source = ledger.text(quote.ref), ledger.of("source")
    said = _date(text.at if text else None) or _date(source.observed_at if source else None)
    return min(said or rules.as_of, rules.as_of)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
