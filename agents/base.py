"""What an agent is: an input, an output, a task, and one way of writing its answer.

An author writes `stream_execute`: an async generator of events that passes on what the router
yields and adds its own. `execute` is the same path, gathered. An agent has no side effects: what it
wants stored it names as Writes, and the execution commits them with the event that they belong to.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from agents.grounding.sources.asking import Sources
from routing.ask import Options, TaskType
from routing.model_router import ModelRouter
from routing.receipt import Receipt
from store import results
from store.database import Database, Write

Event = dict[str, Any]
Events = AsyncGenerator[Event, None]

Status = Literal["pending", "running", "success", "failed", "stopped"]

_STATUS_OF: dict[str, Status] = {"complete": "success", "error": "failed", "stopped": "stopped"}


@dataclass(frozen=True)
class Context:
    """Where an agent works: its execution, the lead it works on, and the store it may read."""

    execution_id: str
    database: Database
    lead: dict[str, Any] | None = None
    lead_id: str | None = None
    owner: str = ""
    """Whose the execution is: what it reads of the store must be theirs."""
    sources: Sources | None = None
    """Who may know more of the lead."""


@dataclass
class AgentResult:
    """What an answer has come to: `take` every event, and it forgets what a `reset` revokes."""

    status: Status = "pending"
    result: Any = None
    error: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    text: str = ""

    def take(self, event: Event) -> None:
        kind = event["type"]
        if kind == "token":
            self.text += event["content"]
        elif kind == "reset":
            self.text = ""
        elif kind in _STATUS_OF:
            self.status = _STATUS_OF[kind]
            self.result = event.get("result")
            self.error = event.get("error")
            self.metadata = event["metadata"]


class BaseAgent(ABC):
    """One of the agents. A new one is one file: a subclass with these, and `stream_execute`."""

    agent_type: ClassVar[str]
    task_type: ClassVar[TaskType]
    Input: ClassVar[type[BaseModel]]
    Output: ClassVar[type[BaseModel] | None] = None
    """None for plain text."""
    system: ClassVar[str] = ""
    """The constant beginning of its prompt: local models keep it warm."""
    max_tokens: ClassVar[int] = 1024
    usual_tokens: ClassVar[int] = 200
    temperature: ClassVar[float | None] = None
    max_latency_ms: ClassVar[float | None] = None
    max_cost_usd: ClassVar[Decimal | None] = None
    needs_lead: ClassVar[bool] = True
    prose: ClassVar[bool] = False
    """Its answer is plain prose: a model that can may go on from its own words."""

    def __init__(self, model_router: ModelRouter, context: Context | None = None) -> None:
        self.model_router = model_router
        self.context = context

    @abstractmethod
    def stream_execute(self, input_data: Any) -> Events:
        """The answer as events, the last one `complete`. `input_data` is a valid `Input`."""

    async def prepare(self, input_data: Any) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse what must not begin: raise a Problem, before anything is stored or spent."""

    async def execute(self, input_data: Any) -> AgentResult:
        """The whole answer at once, by the same path."""
        result = AgentResult()
        async with aclosing(self.stream_execute(input_data)) as events:
            async for event in events:
                result.take(event)
        return result

    def complete(self, result: Any) -> Event:
        """The end of an answer for which no model was asked, or none has answered."""
        router = self.model_router
        receipt = router.receipt or Receipt(self.task_type, router.candidates.prices)
        return {"type": "complete", "metadata": receipt.metadata(), "result": result}

    @classmethod
    def options(cls) -> Options:
        """What the router is asked unless the caller says otherwise."""
        return Options(
            max_tokens=cls.max_tokens,
            usual_tokens=cls.usual_tokens,
            temperature=cls.temperature,
            max_latency_ms=cls.max_latency_ms,
            max_cost_usd=cls.max_cost_usd,
        )

    @classmethod
    def completed(cls, input_data: Any) -> Any:
        """The input with what is drawn at the start (an id, today's date), so that a restart
        works on the same input."""
        return input_data

    @classmethod
    def exclusive(cls, input_data: Any) -> str | None:
        """What only one execution may work on at a time, as a name; None for nothing."""
        return None

    @classmethod
    def resend_key(cls, input_data: Any) -> str | None:
        """A key under which the same input sent twice is one execution; None for none."""
        return None

    def opening_writes(self, input_data: Any) -> list[Write]:
        """Rows that its start makes true."""
        return []

    def closing_writes(self, input_data: Any, result: AgentResult) -> list[Write]:
        """Rows that its end makes true, whichever end: `result.status` says."""
        if self.context is None or result.status != "success" or result.result is None:
            return []
        return [results.found(self.context.execution_id, result.result, datetime.now(UTC))]
