"""What the router is asked: a task, its prompt, and the bounds within which somebody may answer."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import Any, Literal, TypedDict

import msgspec

from providers.base import Message

OnFailure = Literal["continue", "restart", "fail"]


class TaskType(StrEnum):
    """The kinds of work that models are fit for in different degrees."""

    QUALIFICATION = "qualification"
    ENRICHMENT = "enrichment"
    GROWTH = "growth"
    MARKETING = "marketing"
    BDR = "bdr"
    CONVERSATION = "conversation"


class Options(TypedDict, total=False):
    """Everything about an Ask beside its task and its prompt; see `Ask` for each."""

    system: str
    schema: dict[str, Any] | None
    max_tokens: int
    usual_tokens: int
    temperature: float | None
    max_latency_ms: float | None
    max_cost_usd: Decimal | None
    provider: str | None
    on_failure: OnFailure
    strict: bool
    fit_as: TaskType | None
    begun: "Begun | None"


class Begun(msgspec.Struct, frozen=True):
    """An answer whose first words are out: `candidate` is to go on from `text`, if it can."""

    candidate: str
    text: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the router, whoever will answer it."""

    task_type: TaskType
    messages: tuple[Message, ...]
    system: str = ""
    schema: dict[str, Any] | None = None
    """A JSON Schema that the answer is bound to."""
    max_tokens: int = 1024
    usual_tokens: int = 200
    """How long such an answer usually is: with a model's speed, what it takes."""
    temperature: float | None = None
    max_latency_ms: float | None = None
    """Bounds the estimate: it chooses, it does not cut."""
    max_cost_usd: Decimal | None = None
    """Bounds the estimate, input and `max_tokens`."""
    provider: str | None = None
    """Asked for by name, `provider` or `provider/model`: nobody else is a candidate."""
    on_failure: OnFailure = "restart"
    strict: bool = False
    """Refuse rather than go outside the bounds."""
    fit_as: TaskType | None = None
    """The task whose fitness ranks, where this request is more like that one."""
    begun: Begun | None = None

    @property
    def input_tokens(self) -> int:
        """An estimate, before any vendor has counted."""
        return estimate_tokens(self.system) + sum(estimate_tokens(m.content) for m in self.messages)


def messages_of(prompt: str | Sequence[Message]) -> tuple[Message, ...]:
    """A prompt is one user turn, or a whole conversation."""
    return (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)


def estimate_tokens(text: str | int) -> int:
    """Tokens of a text, or of so many characters: four to a token, rounded up. Marked wherever
    it is shown, because it is nobody's tokeniser."""
    return ceil((text if isinstance(text, int) else len(text)) / 4)
