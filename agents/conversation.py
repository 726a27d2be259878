"""Conversation: answers a lead's message, or helps a rep to, and remembers what was said."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from agents.base import AgentResult, BaseAgent, Events
from providers.base import Message
from routing.ask import TaskType
from store import conversations
from store.database import Write

WINDOW = 24
"""Messages that the prompt carries: twelve turns."""

_FACTS = ("first_name", "last_name", "title", "company_name", "industry", "country", "language")


class ConversationInput(BaseModel):
    """One message of a conversation; a new one begins where no `conversation_id` is given."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(min_length=1, max_length=4000)
    conversation_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    mode: Literal["answer_lead", "assist_rep"] = "answer_lead"
    client_msg_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    if_busy: Literal["reject", "stop"] = "reject"


class ConversationResult(BaseModel):
    """The reply itself is the stream's text and is not repeated here."""

    conversation_id: str


class Conversation(BaseAgent):
    """Replies to a lead's message, or helps a rep to reply, and remembers the conversation."""

    agent_type: ClassVar[str] = "conversation"
    task_type: ClassVar[TaskType] = TaskType.CONVERSATION
    Input: ClassVar[type[BaseModel]] = ConversationInput
    Output: ClassVar[type[BaseModel] | None] = ConversationResult
    max_tokens: ClassVar[int] = 350
    usual_tokens: ClassVar[int] = 120
    temperature: ClassVar[float | None] = 0.3
    max_latency_ms: ClassVar[float | None] = 4000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.005")
    needs_lead: ClassVar[bool] = False
    prose: ClassVar[bool] = True

    system: ClassVar[str] = (
        "You write for a sales team. Answer the last message in its own language, in at most "
        "three short sentences, friendly and concrete. If you do not know something, say so and "
        "offer to find out. Never invent prices, customers, dates or links."
    )

    async def stream_execute(self, input_data: ConversationInput) -> Events:
        yield {
            "type": "field",
            "name": "conversation_id",
            "value": input_data.conversation_id,
        }
        prompt = [*await self._history(input_data), Message("user", input_data.message)]
        async for event in self.model_router.stream_request(
            task_type=self.task_type, prompt=prompt, system=self._system(input_data)
        ):
            if event["type"] == "complete":
                event["result"] = {"conversation_id": input_data.conversation_id}
            yield event

    async def _history(self, input_data: ConversationInput) -> list[Message]:
        """What was said before this turn; a turn that is repeated after a crash is not its own
        past."""
        if self.context is None or input_data.conversation_id is None:
            return []
        found = await conversations.messages(
            self.context.database, input_data.conversation_id, newest=WINDOW + 1
        )
        before = [m for m in found if m["execution_id"] != self.context.execution_id]
        return [Message(m["role"], m["content"]) for m in before[-WINDOW:] if m["content"]]

    def _system(self, input_data: ConversationInput) -> str:
        """The constant part first: local models have it warm."""
        lead = (self.context and self.context.lead) or {}
        known = ", ".join(f"{name}: {lead[name]}" for name in _FACTS if lead.get(name))
        parts = [self.system]
        if input_data.mode == "assist_rep":
            parts.append("You help a colleague to answer; you do not write to the customer.")
        if known:
            parts.append(f"Known about the customer: {known}.")
        return " ".join(parts)

    @classmethod
    def completed(cls, input_data: Any) -> Any:
        if input_data.conversation_id is not None:
            return input_data
        return input_data.model_copy(update={"conversation_id": f"cv_{uuid4().hex}"})

    @classmethod
    def exclusive(cls, input_data: Any) -> str | None:
        return f"conversation {input_data.conversation_id}"

    @classmethod
    def resend_key(cls, input_data: Any) -> str | None:
        if input_data.client_msg_id is None or input_data.conversation_id is None:
            return None
        return f"message {input_data.conversation_id} {input_data.client_msg_id}"

    def opening_writes(self, input_data: Any) -> list[Write]:
        return [self._said(input_data, "user", input_data.message)]

    def closing_writes(self, input_data: Any, result: AgentResult) -> list[Write]:
        """A stopped or broken reply was read too: its words stay in the history."""
        return [self._said(input_data, "assistant", result.text)] if result.text else []

    def _said(
        self, input_data: ConversationInput, role: Literal["user", "assistant"], content: str
    ) -> Write:
        assert self.context is not None
        assert input_data.conversation_id is not None
        return conversations.said(
            input_data.conversation_id,
            self.context.execution_id,
            role,
            content,
            datetime.now(UTC),
        )
