"""Qualified: what a model is asked about a lead, and what a qualification comes to."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from agents.grounding.evidence import (
    Found,
    FoundContradiction,
    FoundDisqualifier,
    FoundQuestion,
    TextComponent,
)
from agents.grounding.form import prose
from agents.grounding.scoring import MEANING, Component, Score
from agents.grounding.seller import DisqualifierCode

SUMMARY_WORDS = 60


class QualificationForm(BaseModel):
    """What a model fills in."""

    summary: str = prose(
        f"at most {SUMMARY_WORDS} words for the rep: who this is, what they want and why, "
        "what speaks against it; no score"
    )
    evidence: list[Found] = Field(default=[], max_length=14)
    disqualifiers: list[FoundDisqualifier] = Field(default=[], max_length=4)
    contradictions: list[FoundContradiction] = Field(default=[], max_length=4)
    questions: list[FoundQuestion] = Field(default=[], max_length=4)


class DisqualifiedBy(BaseModel):
    """`where` is the text, or the field, that the quote stands in."""

    code: DisqualifierCode
    quote: str
    where: str


class Statement(BaseModel):
    ref: str
    quote: str


class Contradiction(BaseModel):
    """The later statement is the one that counts."""

    about: TextComponent
    earlier: Statement
    later: Statement


class Missing(BaseModel):
    """`swing_points`: what the answer can add to the score."""

    item: str
    question: str
    swing_points: int


class NextAction(BaseModel):
    code: str
    why: str


class QualificationResult(Score):
    """A priority score by the seller's table; it is no probability."""

    summary: str
    components: list[Component]
    disqualifiers: list[DisqualifiedBy]
    contradictions: list[Contradiction]
    missing: list[Missing]
    next_action: NextAction
    confidence: float
    method: Literal["llm", "rules_only"]
    contact_policy: dict[str, Any]
    warnings: list[str]
    meaning: str = MEANING
    made_with: dict[str, Any]
