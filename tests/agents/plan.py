"""A form with everything that one may have, and an answer that fills it."""

from typing import Literal

from pydantic import BaseModel, Field

from agents.grounding.form import prose


class Step(BaseModel):
    show: str
    minutes: int = Field(ge=1)


class Situation(BaseModel):
    known: list[str] = []
    wanted: str = prose("what they want")


class Plan(BaseModel):
    opening: str = prose("the first words")
    tone: Literal["warm", "plain"] | None = None
    situation: Situation | None = None
    steps: list[Step] = Field(default=[], max_length=3)
    words: list[str] = []
    close: str = prose("the last words")


PLAN = {
    "opening": 'Hello "Dana", 😀 \\ / — done.',
    "tone": "warm",
    "situation": {"known": ["a, b", "{c}", "]"], "wanted": "To close in 4 days."},
    "steps": [{"show": "credits: [1, 2]", "minutes": 5}, {"show": "plan", "minutes": 3}],
    "words": ["one", "two"],
    "close": "Shall we?",
}
