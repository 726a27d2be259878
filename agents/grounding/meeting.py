"""A Meeting: what is said and shown in one slot, what code decides of it, and what it is by rules.

Every step is tied to something: to words of the lead, or to an open item that it tests. Code gives
out the minutes, so that they add up; the last five belong to what comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agents.grounding.briefing import Briefing, Evidence
from agents.grounding.dialogue import closest, sentences_of
from agents.grounding.form import prose

RESERVED = 5
"""Minutes at the end that no step may have."""

STEPS = 4
"""So many steps by rules."""

_SHOWN_TO_LEARN = ("pain", "metric", "trigger")
"""Open items that a demonstration can test; who signs is asked, not shown."""

_FORMS = ("demo_request", "pricing_request", "rfp", "contact_form")
"""Sources of leads whose notes are what they wrote into a form."""

Format = Literal["video", "phone", "in_person"]
Line = Annotated[str, Field(max_length=300)]


class SituationForm(BaseModel):
    their_words: list[str] = Field(description="exact quotes of the lead's problem and wish")
    wanted_after: str = Field(max_length=300, description="what must be agreed when it ends")


class Question(BaseModel):
    question: str = Field(max_length=300)
    fills: str = Field(description="the open item that the answer fills, by its name")
    listen_for: str = Field(max_length=200)


class StepForm(BaseModel):
    minute_from: int = Field(ge=0, le=480)
    minute_to: int = Field(ge=0, le=480)
    show: str = Field(max_length=400)
    say: str = Field(max_length=400)
    tie_to: str = Field(description="an exact quote of their problem, or the name of an open item")
    claims: list[str] = Field(description="claim numbers that it shows")


class Objection(BaseModel):
    trigger: str = Field(max_length=300, description="what they say")
    acknowledge: str = Field(max_length=300)
    explore: str = Field(max_length=300, description="one question back")
    respond: str = Field(max_length=400)
    claims: list[str] = Field(description="claim numbers that the response uses")


class BdrForm(BaseModel):
    """What a model fills in."""

    opening: str = prose("at most 60 words, to be said as it stands")
    situation: SituationForm | None = None
    discovery: list[Question] = Field(default=[], max_length=6, description="2 to 5")
    demo_steps: list[StepForm] = Field(default=[], max_length=8)
    skip: list[Line] = Field(default=[], max_length=5, description="what not to show, and why")
    objections: list[Objection] = Field(default=[], max_length=6)
    close: str = prose("at most 40 words: the next step, asked for")
    follow_up_draft: str = prose("at most 120 words, to be sent after the meeting once it is true")


class Situation(BaseModel):
    their_words: list[Evidence]
    wanted_after: str


class Step(BaseModel):
    """`tie_to` is a quote of the lead (`quote` is set) or an open item (`ref` is its name)."""

    minute_from: int
    minute_to: int
    show: str
    say: str
    tie_to: Evidence
    claims: list[str]


@dataclass(frozen=True)
class Meeting:
    """`minutes` are those of the slot; `objections` those that somebody expects."""

    brief: Briefing
    minutes: int
    objections: Sequence[str] = ()

    @cached_property
    def items(self) -> dict[str, str]:
        """The open items and their questions, the weightiest first: as a qualification left them,
        else what the fields leave open."""
        known = self.brief.earlier
        open_items = self.brief.open_items if known is None else known["missing"]
        return {item["item"]: item["question"] for item in open_items}

    @cached_property
    def their_words(self) -> list[dict[str, Any]]:
        """What a qualification has quoted; else what the lead's own texts begin with: notes are
        the lead's own where they came through a form, else a colleague's."""
        quoted = [c.evidence for c in self.brief.components if c.evidence and c.evidence.quote]
        if quoted:
            return [{"ref": one.ref, "quote": one.quote} for one in quoted]
        first = [
            {"ref": text.name, "quote": sentence}
            for text in self.brief.ledger.said_by_lead
            if text.name != "notes" or self.brief.lead.source in _FORMS
            for sentence in sentences_of(text.text)
            if text.places(sentence)
        ]
        return first[:2]

    def tied(self, said: str) -> dict[str, Any] | None:
        """What a step is tied to; None where that is nothing."""
        if (item := said.strip().casefold()) in self.items:
            return {"ref": item, "quote": None}
        quote = self.brief.backing.quote(said)
        return quote and {"ref": quote.ref, "quote": quote.text}

    def timed(self, steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps one behind the other, each in its share, adding up to the slot less five."""
        slot = self.minutes - RESERVED
        kept = list(steps)[:slot]
        wanted = [max(1, step["minute_to"] - step["minute_from"]) for step in kept]
        done, timed = 0, []
        for number, step in enumerate(kept):
            left = len(kept) - number - 1
            share = round(slot * sum(wanted[: number + 1]) / sum(wanted))
            end = min(max(share, done + 1), slot - left)
            timed.append({**step, "minute_from": done, "minute_to": end})
            done = end
        return timed

    def by_rules(self) -> dict[str, Any]:
        """Their words, the open items, approved claims: a meeting that invents nothing."""
        brief, words = self.brief, self.their_words
        opening = "opening" if words else "opening_nobody"
        quote = words[0]["quote"] if words else ""
        questions = list(self.items.values())
        return {
            "opening": brief.say(opening, greeting=brief.greeting, quote=quote),
            "situation": {"their_words": words, "wanted_after": brief.say("close")},
            "discovery": [
                {"question": asked, "fills": item, "listen_for": brief.say("listen_for")}
                for item, asked in list(self.items.items())[:5]
            ],
            "demo_steps": self._steps(words),
            "objections": [self._answer(said) for said in self.objections],
            "close": brief.say("close"),
            "follow_up_draft": brief.say(
                "follow_up",
                greeting=brief.greeting,
                open=" ".join(questions[:3]) or brief.say("nothing"),
                signed=brief.say("signed", name=brief.sender),
            ),
        }

    def _steps(self, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A claim for each of their words, and for what can be learnt by showing one."""
        items = [{"ref": item, "quote": None} for item in _SHOWN_TO_LEARN if item in self.items]
        claims = list(self.brief.seller.profile.approved_claims)
        steps = []
        for tie in [*words, *items][: min(STEPS, len(claims))]:
            claim = closest(tie["quote"] or "", claims)
            claims.remove(claim)
            step = {"show": self.brief.say("show"), "say": claim.text, "claims": [claim.id]}
            steps.append({"minute_from": 0, "minute_to": 1, **step, "tie_to": tie})
        return self.timed(steps)

    def _answer(self, said: str) -> dict[str, Any]:
        say = self.brief.say
        return {
            "trigger": said,
            "acknowledge": say("acknowledge"),
            "explore": say("explore"),
            "respond": say("respond"),
            "claims": [],
        }
