"""A Turn: one message of a conversation, what came before it, and what code finds in it.

The prompt of a turn has room for twelve turns; of what was said before them it has a summary, and
of all of them what the lead's side has said of itself. Pure: the same turn, the same findings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from agents.grounding import dialogue
from agents.grounding.data import data, pattern
from agents.grounding.facts import FreeText, Ledger, ledger_of
from agents.grounding.gate import finding
from agents.grounding.language import language_of, primary
from agents.grounding.lead import Lead
from agents.grounding.rights import RightCode, rights_in
from agents.grounding.seller import SellerProfile
from agents.grounding.verifier import Backing, Event

WINDOW = 24
"""Messages that the prompt carries: twelve turns."""

Role = Literal["user", "assistant"]

_WHO = ("first_name", "last_name", "email", "phone", "company_name")


@dataclass(frozen=True)
class Turn:
    """`past` is oldest first. `to_customer`: the reply goes to the lead, not to a colleague."""

    message: FreeText
    to_customer: bool
    past: Sequence[tuple[Role, FreeText]]
    lead: Lead
    profile: SellerProfile

    @cached_property
    def rights(self) -> tuple[RightCode, ...]:
        """What is asked for that code answers; a colleague asks for nothing of the kind."""
        found = rights_in(self.message) if self.to_customer else ()
        return tuple(right.code for right in found)

    @cached_property
    def intents(self) -> tuple[dialogue.Intent, ...]:
        """All that it wants, the weightiest first."""
        return self.rights or dialogue.intents_of(self.message)

    @property
    def objects(self) -> bool:
        """Whether it says why not to buy, or complains."""
        return not {"objection", "complaint"}.isdisjoint(self.intents)

    @cached_property
    def language(self) -> str | None:
        """The message's own, also where it is but the words of a right; else the lead's; None for
        unknown."""
        asked = (
            language
            for code in self.rights
            for language in data("rights")[code]
            if pattern("rights", code, language).search(self.message.folded.text)
        )
        return language_of(self.message.text) or next(asked, primary(self.lead.language))

    @cached_property
    def ledger(self) -> Ledger:
        return ledger_of(self.lead, texts=[*(text for _, text in self.past), self.message])

    @cached_property
    def backing(self) -> Backing:
        return Backing(self.ledger, self.profile)

    @cached_property
    def disclosure(self) -> str:
        """What a known person reads first who is answered by a machine for the first time; ""
        where nothing is due."""
        sentence = dialogue.said(self.language, "disclosure", company=self.profile.company)
        is_known = any(getattr(self.lead, name) for name in _WHO)
        told = any(sentence.strip() in text.text for _, text in self.past)
        return sentence if self.to_customer and is_known and not told else ""

    @property
    def window(self) -> Sequence[tuple[Role, FreeText]]:
        """The messages that the prompt carries."""
        return self.past[-WINDOW:]

    @cached_property
    def summary(self) -> str | None:
        """Of the messages before the window."""
        return dialogue.summary_of(self.past[:-WINDOW]) or None

    @property
    def known(self) -> list[dict[str, Any]]:
        """What the lead's side has said of itself in earlier turns, the latest word last."""
        theirs = (text for role, text in self.past if role == "user")
        return [fact for text in theirs for fact in dialogue.learned_from(text)]

    def findings(self, reply: str) -> Iterator[Event]:
        """What code finds in the turn, once its reply has ended."""
        before = [dialogue.intents_of(text)[0] for role, text in self.window if role == "user"]
        yield finding("stage", dialogue.stage_of([*before, self.intents[0]]))
        yield finding("intent", self.intents[0])
        yield finding("claims_used", dialogue.claims_in(reply, self.profile.approved_claims))
        yield finding("facts_learned", dialogue.learned_from(self.message))
        yield finding("handoff", dialogue.handoff_of(self.intents, reply))
        if self.summary is not None:
            yield finding("summary", self.summary)
