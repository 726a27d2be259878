"""Marketing: whether a lead should get a campaign at all, and if so, what each message says.

Code decides first, and where it has decided no model is asked. What a model writes to a person is
checked and then shown whole, never as it grows.
"""

from collections.abc import Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.base import BaseAgent, Event, Events
from agents.grounding.briefing import GROUND_RULES, briefing_of
from agents.grounding.campaign import (
    Brief,
    Campaign,
    Channel,
    GroundedIdea,
    Idea,
    MarketingForm,
    Recommendation,
    Step,
)
from agents.grounding.form import schema_of
from agents.grounding.gate import finding
from agents.grounding.verifier import warning
from agents.structured import opened, or_by_rules, structured, told
from routing.ask import TaskType


class MarketingInput(BaseModel):
    """What the campaign is for. `channels` left out: all that the contact policy allows."""

    model_config = ConfigDict(extra="forbid")

    objective: Literal["book_meeting", "revive", "nurture", "event", "expand"] = "book_meeting"
    channels: list[Channel] | None = None
    sequence_len: Annotated[int, Field(ge=1, le=6)] = 3


class Compliance(BaseModel):
    """The contact policy's verdict; `footer` stands under every message that needs one."""

    basis: str
    verdict: str
    why: str
    channels: dict[Channel, str]
    footer: str | None


class MarketingResult(BaseModel):
    """Drafts: Leadstream sends nothing. `facts` are those that evidence names by number."""

    method: Literal["llm", "rules_only"]
    recommendation: Recommendation | None = None
    reason: str = ""
    brief: Brief | None = None
    ideas: list[GroundedIdea] = []
    sequence: list[Step] = []
    compliance: Compliance
    facts: list[dict[str, Any]]
    made_with: dict[str, Any]


class Marketing(BaseAgent):
    """Says whether a lead should get a campaign, and drafts one from what is known."""

    agent_type: ClassVar[str] = "marketing"
    task_type: ClassVar[TaskType] = TaskType.MARKETING
    Input: ClassVar[type[BaseModel]] = MarketingInput
    Output: ClassVar[type[BaseModel] | None] = MarketingResult
    max_tokens: ClassVar[int] = 1800
    usual_tokens: ClassVar[int] = 1000
    temperature: ClassVar[float | None] = 0.7
    max_latency_ms: ClassVar[float | None] = 20_000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.04")

    prompt_version: ClassVar[str] = "marketing-1"
    system: ClassVar[str] = f"""\
You plan what is written to one lead, and you may well advise against writing at all.

{GROUND_RULES}

Each message is short, says one true thing that matters to this person and asks for one thing. Its
subject says what it is. No flattery, no urgency that is made up, no Re: of a mail that never was.
Where nothing particular is known of this person, recommend do_not_run and write no messages."""

    async def prepare(self, input_data: MarketingInput) -> None:
        (await briefing_of(self.context)).refuse()

    async def stream_execute(self, input_data: MarketingInput) -> Events:
        brief = await briefing_of(self.context)
        campaign = Campaign(brief, input_data.channels, input_data.sequence_len)
        known: dict[str, Any] = {"compliance": campaign.compliance(), "facts": brief.facts}
        decided = campaign.decided()
        answer = (
            self._asked(campaign, input_data.objective) if decided is None else self._told(decided)
        )
        made_with = {**brief.made_with, "prompt": self.prompt_version}
        opening = [finding(name, value) for name, value in known.items()]
        async with aclosing(opened(opening, answer)) as events:
            async for event in events:
                if event["type"] == "complete":
                    result = MarketingResult(**event["result"], **known, made_with=made_with)
                    event["result"] = result.model_dump(mode="json")
                yield event

    def _asked(self, campaign: Campaign, objective: str) -> Events:
        brief, verdict = campaign.brief, campaign.brief.verdict
        task = (
            f"Objective: {objective}. At most {campaign.length} messages, on these channels only: "
            f"{', '.join(campaign.channels)}. They are signed by {brief.sender}.\n"
            f"Contact policy: {verdict.email}, {verdict.why}."
        )
        asked = self.model_router.stream_request(
            task_type=self.task_type,
            prompt=brief.prompt(task, MarketingForm),
            system=self.system,
            schema=schema_of(MarketingForm),
        )
        answer = structured(
            asked,
            MarketingForm,
            check=_Check(campaign),
            gate=lambda path: brief.gate(path, most_words=50),
        )
        return or_by_rules(answer, MarketingForm, campaign.by_rules, self.complete)

    async def _told(self, pieces: dict[str, Any]) -> Events:
        for event in told(MarketingForm, pieces):
            yield event
        yield self.complete({**pieces, "method": "rules_only"})


class _Check:
    """What nothing backs is dropped, and so is a message that is not as messages must be."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._recommendation: str | None = None

    def __call__(self, path: str, value: Any) -> tuple[Any, Sequence[Event]]:
        piece, warnings = self._campaign.brief.check(path, value)
        if path == "recommendation":
            self._recommendation = piece
        fault = None if piece is None else self._fault_of(path, value, piece)
        if fault is None:
            return piece, warnings
        return None, [warning(fault[0], f"{path} was dropped: {fault[1]}")]

    def _fault_of(self, path: str, value: Any, piece: Any) -> tuple[str, str] | None:
        if isinstance(value, Idea) and not piece["evidence"]:
            return "generic", "it stands on nothing, so it would fit anybody"
        if not isinstance(value, Step):
            return None
        if self._recommendation == "do_not_run":
            return "not_recommended", "no message is due where none is recommended"
        return self._campaign.fault_of(value, int(path.partition("[")[2][:-1]))
