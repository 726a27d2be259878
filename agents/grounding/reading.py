"""The Reading: an Assessment and what one answer of a model adds to it, each piece checked first.

Behind a reset stands a new Reading. A piece that does not hold is dropped with a warning and takes
nothing with it; points come from the table, and a later statement beats an earlier one.
"""

from collections.abc import Sequence
from typing import Any

from agents.grounding.assessment import Assessment
from agents.grounding.contact_policy import Verdict
from agents.grounding.disqualifiers import Disqualifier
from agents.grounding.evidence import (
    Found,
    FoundContradiction,
    FoundDisqualifier,
    FoundQuestion,
    Refused,
    checked,
)
from agents.grounding.scoring import Components, Score, confidence_of, score_of, unknown
from agents.grounding.seller import ComponentName
from agents.grounding.verifier import Event, Quote, warning


class Reading:
    """`check` is the `Check` of `structured`; the rest is what it has come to."""

    def __init__(self, assessment: Assessment) -> None:
        self.assessment = assessment
        self.briefing = assessment.briefing
        self.components: Components = dict(assessment.components)
        self.disqualifiers: list[Disqualifier] = list(self.briefing.disqualifiers)
        self.contradictions: list[dict[str, Any]] = []
        self.questions: dict[str, str] = {}
        self.taken = 0
        self.refused = 0
        self._places: dict[str, tuple[int, int]] = {}

    @property
    def score(self) -> Score:
        scoring = self.assessment.scoring
        return score_of(self.components.values(), scoring, disqualified=bool(self.disqualifiers))

    @property
    def confidence(self) -> float:
        doubts = self.refused + len(self.contradictions)
        components = self.components.values()
        return confidence_of(components, self.briefing.ledger, doubts=doubts)

    @property
    def verdict(self) -> Verdict:
        """The contact policy's; an objection that only the model has understood blocks too."""
        objected = next((d for d in self.disqualifiers if d.code == "opt_out"), None)
        if objected is None or self.briefing.verdict.blocked:
            return self.briefing.verdict
        return Verdict("blocked", f"objection in {objected.where}", "objection")

    def check(self, path: str, value: Any) -> tuple[Any, Sequence[Event]]:
        """Take a piece that a model has finished, if it holds."""
        fault = self._take(value)
        if fault is None:
            self.taken += 1
            return value, ()
        self.refused += 1
        return None, [warning(fault.code, f"{path} was dropped: {fault.why}")]

    def _take(self, value: Any) -> Refused | None:
        if isinstance(value, Found):
            return self._take_evidence(value)
        if isinstance(value, FoundDisqualifier):
            return self._take_disqualifier(value)
        if isinstance(value, FoundContradiction):
            return self._take_contradiction(value)
        assert isinstance(value, FoundQuestion)
        return self._take_question(value)

    def _take_evidence(self, found: Found) -> Refused | None:
        verdict = checked(found, self.assessment.rules)
        if isinstance(verdict, Refused):
            return verdict
        name = verdict.component.name
        if self.assessment.components[name].state != "unknown":
            return Refused("implausible", f"{name} is known from a field")
        if self._places.get(name, (-1, -1)) < verdict.place:
            self._places[name] = verdict.place
            self.components[name] = verdict.component
        return None

    def _take_disqualifier(self, found: FoundDisqualifier) -> Refused | None:
        if self.assessment.attacked:
            return Refused("unbacked_quote", "where a text speaks to models, only rules disqualify")
        quote = self._quote(found.quote)
        if quote is None:
            return Refused("unbacked_quote", self.briefing.backing.why_no_quote(found.quote))
        ours = self.briefing.seller.profile.disqualifiers
        if found.code not in ours or found.code == "sanctioned_country":
            return Refused("implausible", "it is none that the seller leaves to a model")
        if found.code not in {known.code for known in self.disqualifiers}:
            self.disqualifiers.append(Disqualifier(found.code, quote.text, quote.ref))
        return None

    def _take_contradiction(self, found: FoundContradiction) -> Refused | None:
        """Which of the two is the later one is for code to say; the earlier no longer counts."""
        quotes = [q for q in map(self._quote, (found.earlier, found.later)) if q is not None]
        if len(quotes) < 2 or quotes[0].place == quotes[1].place:
            return Refused("unbacked_quote", "one of its quotes is not there")
        earlier, later = sorted(quotes, key=lambda quote: quote.place)
        self.contradictions.append(
            {
                "about": found.about,
                "earlier": {"ref": earlier.ref, "quote": earlier.text},
                "later": {"ref": later.ref, "quote": later.text},
            }
        )
        self._supersede(found.about, earlier.place)
        return None

    def _supersede(self, name: ComponentName, place: tuple[int, int]) -> None:
        """What stands at `place` counts no more, now and if it should come again."""
        by_field = self.assessment.components[name].state != "unknown"
        if not by_field and self._places.get(name, place) <= place:
            self._places[name] = place
            self.components[name] = unknown(name, self.assessment.scoring)

    def _take_question(self, found: FoundQuestion) -> Refused | None:
        backing = self.briefing.backing
        if backing.unbacked(found.question, self.briefing.language):
            return Refused("unbacked", "it has a figure or a name that nothing backs")
        self.questions.setdefault(found.about, found.question)
        return None

    def _quote(self, said: str) -> Quote | None:
        return self.briefing.backing.quote(said)
