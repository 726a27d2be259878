"""A Campaign: what is written to one lead, what code decides of it, and what it is without a model.

Whoever has objected, asked for a person, or is no buyer gets none, and no model is asked. By rules
it is a plain sequence from approved claims, one open question each.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, Field

from agents.grounding.briefing import Briefing, Evidence
from agents.grounding.contact_policy import footer
from agents.grounding.dialogue import source_of
from agents.grounding.form import prose
from agents.grounding.scoring import PROFILE_COMPONENTS
from agents.grounding.verifier import words_in

MOST_WORDS = 90
DAYS = (0, 4, 9, 15, 22, 30)
"""When the messages of a sequence by rules are due."""

Channel = Literal["email", "phone", "linkedin"]
Recommendation = Literal["run", "adapt", "do_not_run"]

_REPLY_TRICK = re.compile(r"^\W*(?:re|aw|fwd?|wg|tr|rv|sv|antw)\s*[:：]", re.IGNORECASE)
_ASKS = re.compile(r"[?？]")


class Brief(BaseModel):
    audience: str = Field(max_length=300, description="who it is written to")
    insight: str = Field(max_length=500, description="what is so with them")
    single_message: str = Field(max_length=300, description="the one thing to remember")
    proof_claims: list[str] = Field(description="claim numbers")
    offer: str = Field(max_length=300, description="what they get for answering; no price")
    exclusions: list[str] = Field(description="who must not get it")
    kpis: list[str] = Field(description="what is counted; no targets")


class Idea(BaseModel):
    idea: str = Field(max_length=400)
    evidence: list[str] = Field(description="fact numbers or exact quotes, at least one")


class Step(BaseModel):
    day: int = Field(ge=0, le=365, description="days after the first message")
    channel: Channel
    subject: str = Field(max_length=60, description="true, at most 60 characters, no Re:")
    ask: str = Field(max_length=200, description="the one thing asked for")
    claims: list[str] = Field(description="claim numbers that the body uses")
    body: str = Field(description="at most 90 words, one question at most, no footer")


class MarketingForm(BaseModel):
    """What a model fills in."""

    reason: str = prose("at most 50 words: why to run it, adapt it, or not run it")
    recommendation: Recommendation | None = None
    brief: Brief | None = None
    ideas: list[Idea] = Field(default=[], max_length=4, description="2 to 4")
    sequence: list[Step] = Field(default=[], max_length=6)


class GroundedIdea(BaseModel):
    idea: str
    evidence: list[Evidence]


@dataclass(frozen=True)
class Campaign:
    """`wanted` are the channels that were asked for, None for all; `length` bounds the sequence."""

    brief: Briefing
    wanted: list[Channel] | None
    length: int

    @cached_property
    def channels(self) -> list[Channel]:
        """Those that were asked for and may be used."""
        verdicts: Any = self.brief.verdict.channels().items()
        allowed = [channel for channel, answer in verdicts if answer.startswith("allowed")]
        return [c for c in allowed if self.wanted is None or c in self.wanted]

    def compliance(self) -> dict[str, Any]:
        verdict, profile = self.brief.verdict, self.brief.seller.profile
        needs_footer = "postal_address" in verdict.needs
        return {
            "basis": verdict.basis,
            "verdict": verdict.email,
            "why": verdict.why,
            "channels": verdict.channels(),
            "footer": footer(profile, self.brief.language) if needs_footer else None,
        }

    def decided(self) -> dict[str, Any] | None:
        """What needs no model: that there is nobody to write a campaign to."""
        brief, tier = self.brief, self.brief.tier
        codes = [found.code for found in brief.disqualifiers]
        misfits = [
            c.name
            for c in brief.components
            if c.name in PROFILE_COMPONENTS and c.state == "known_negative"
        ]
        sources = brief.seller.profile.scoring.sources
        asks_to_buy = sources.get(brief.lead.source or "") == "asks_to_buy"
        newsletter = brief.lead.source == "newsletter_signup"
        cases: list[tuple[Any, Recommendation, str, str]] = [
            (tier == "disqualified", "do_not_run", "refuse_disqualified", ", ".join(codes)),
            (brief.verdict.email == "reply_only", "do_not_run", "refuse_reply_only", ""),
            (not self.channels, "do_not_run", "refuse_blocked", brief.verdict.why),
            (asks_to_buy or tier == "hot", "do_not_run", "refuse_hand_over", ""),
            (misfits, "do_not_run", "refuse_no_fit", ", ".join(misfits)),
            (tier == "insufficient_data" and newsletter, "adapt", "adapt_newsletter", ""),
            (tier == "insufficient_data", "do_not_run", "refuse_unknown", ""),
        ]
        for applies, recommendation, reason, why in cases:
            if applies:
                return {"reason": brief.say(reason, why=why), "recommendation": recommendation}
        return None

    def fault_of(self, step: Step, number: int) -> tuple[str, str] | None:
        """What is wrong with a message: a warning's code and its detail."""
        faults = (
            (step.channel not in self.channels, "channel", f"{step.channel} may not be used"),
            (_REPLY_TRICK.match(step.subject), "reply_trick", "its subject pretends to answer"),
            (words_in(step.body) > MOST_WORDS, "too_long", f"it has more than {MOST_WORDS} words"),
            (len(_ASKS.findall(step.body)) > 1, "too_many_asks", "it asks more than one thing"),
            (number >= self.length, "dropped", f"{self.length} messages were asked for"),
        )
        return next(((code, detail) for wrong, code, detail in faults if wrong), None)

    def by_rules(self) -> dict[str, Any]:
        """Who we are, one approved claim, one open question."""
        claims = self.brief.seller.profile.approved_claims[: self.length]
        return {
            "reason": self.brief.say("run_by_rules"),
            "recommendation": "run" if claims else "do_not_run",
            "brief": self._outline(),
            "sequence": [
                {
                    "day": DAYS[number],
                    "channel": self.channels[number % len(self.channels)],
                    "subject": self._subject(),
                    "ask": self._question(number),
                    "claims": [claim.id],
                    "body": self._body(claim.text, self._question(number)),
                }
                for number, claim in enumerate(claims)
            ],
        }

    def _outline(self) -> dict[str, Any]:
        brief, profile, value = self.brief, self.brief.seller.profile, self.brief.ledger.value
        title = value("title") or brief.say("somebody")
        company = value("company_name") or brief.say("some_company")
        return {
            "audience": brief.say("audience", title=title, company=company),
            "insight": "",
            "single_message": profile.one_liner,
            "proof_claims": [claim.id for claim in profile.approved_claims],
            "offer": brief.say("offer", name=brief.sender),
            "exclusions": [brief.say("exclusion")],
            "kpis": [brief.say("kpi")],
        }

    def _subject(self) -> str:
        company = self.brief.ledger.value("company_name")
        subject = self.brief.say("subject", company=company) if company else ""
        return subject if 0 < len(subject) <= 60 else self.brief.say("subject_nobody")[:60]

    def _question(self, number: int) -> str:
        items = self.brief.open_items
        return items[number % len(items)]["question"] if items else self.brief.say("explore")

    def _body(self, claim: str, question: str) -> str:
        """Why we write comes first; the question is the one ask."""
        brief = self.brief
        source = source_of(brief.lead, brief.language)
        because = [brief.say("source", source=source)] if source else []
        signed = brief.say("signed", name=brief.sender)
        return "\n\n".join([brief.greeting, " ".join([*because, claim]), question, signed])
