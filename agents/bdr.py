"""BDR: what a salesperson says and shows in one meeting, minute by minute.

Only a lead that was qualified and is worth the time gets one, unless somebody overrides it; an
objection is never overridden. A step that is tied to nothing is not shown.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.base import BaseAgent, Event, Events
from agents.grounding.briefing import GROUND_RULES, Briefing, briefing_of
from agents.grounding.form import schema_of
from agents.grounding.gate import finding
from agents.grounding.injection import fenced
from agents.grounding.meeting import (
    RESERVED,
    BdrForm,
    Format,
    Meeting,
    Objection,
    Question,
    Situation,
    Step,
    StepForm,
)
from agents.grounding.verifier import warning
from agents.structured import opened, or_by_rules, structured
from errors import Conflict
from routing.ask import TaskType

Line = Annotated[str, Field(min_length=1, max_length=500)]

_MOST_WORDS = {"opening": 60, "close": 40, "follow_up_draft": 120}


class BdrInput(BaseModel):
    """The slot, who comes, and which objections are expected. `override`: also for a lead that is
    not qualified or disqualified."""

    model_config = ConfigDict(extra="forbid")

    minutes: Annotated[int, Field(ge=10, le=240)] = 30
    attendees: Annotated[list[Line], Field(max_length=20)] = []
    format: Format = "video"
    objections: Annotated[list[Line], Field(max_length=6)] = []
    override: bool = False


class BdrResult(BaseModel):
    """`facts` are those that evidence names by number; `missing` the open items by name."""

    method: Literal["llm", "rules_only"]
    opening: str = ""
    situation: Situation | None = None
    discovery: list[Question] = []
    demo_steps: list[Step] = []
    skip: list[str] = []
    objections: list[Objection] = []
    close: str = ""
    follow_up_draft: str = ""
    missing: dict[str, str]
    contact_policy: dict[str, Any]
    facts: list[dict[str, Any]]
    made_with: dict[str, Any]


class Bdr(BaseAgent):
    """Prepares one meeting with a qualified lead: opening, questions, demonstration, close."""

    agent_type: ClassVar[str] = "bdr"
    task_type: ClassVar[TaskType] = TaskType.BDR
    Input: ClassVar[type[BaseModel]] = BdrInput
    Output: ClassVar[type[BaseModel] | None] = BdrResult
    max_tokens: ClassVar[int] = 2500
    usual_tokens: ClassVar[int] = 1500
    temperature: ClassVar[float | None] = 0.4
    max_latency_ms: ClassVar[float | None] = 25_000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.06")

    prompt_version: ClassVar[str] = "bdr-1"
    system: ClassVar[str] = f"""\
You write the script of one sales meeting: what is asked, what is shown, what is said.

{GROUND_RULES}

Begin with their problem in their own words, not with the product. Ask before you show. Each step of
the demonstration answers a problem that they have stated or tests an open item, else it is left
out; say what to skip. Answer an objection by asking first. What is said can be said aloud as it
stands: short sentences, no praise, no jargon."""

    async def prepare(self, input_data: BdrInput) -> None:
        brief = await briefing_of(self.context)
        brief.refuse()
        if not input_data.override:
            _refuse_unqualified(brief)

    async def stream_execute(self, input_data: BdrInput) -> Events:
        meeting = await self._meeting(input_data)
        brief = meeting.brief
        known: dict[str, Any] = {
            "contact_policy": brief.verdict.shown(),
            "facts": brief.facts,
            "missing": meeting.items,
        }
        opening = [finding(name, value) for name, value in known.items()]
        made_with = {**brief.made_with, "prompt": self.prompt_version}
        async with aclosing(opened(opening, self._asked(meeting, input_data))) as events:
            async for event in events:
                if event["type"] == "complete":
                    pieces = event["result"]
                    for adjusted in _retimed(meeting, pieces):
                        yield adjusted
                    result = BdrResult(**pieces, **known, made_with=made_with)
                    event["result"] = result.model_dump(mode="json")
                yield event

    def _asked(self, meeting: Meeting, input_data: BdrInput) -> Events:
        asked = self.model_router.stream_request(
            task_type=self.task_type,
            prompt=meeting.brief.prompt(_task(meeting, input_data), BdrForm),
            system=self.system,
            schema=schema_of(BdrForm),
        )
        answer = structured(
            asked,
            BdrForm,
            check=lambda path, value: _checked(path, value, meeting),
            gate=lambda path: meeting.brief.gate(path, most_words=_MOST_WORDS[path]),
        )
        return or_by_rules(answer, BdrForm, meeting.by_rules, self.complete)

    async def _meeting(self, input_data: BdrInput) -> Meeting:
        minutes = f"{input_data.minutes} {input_data.minutes - RESERVED}"
        also = (minutes, *input_data.attendees, *input_data.objections)
        brief = await briefing_of(self.context, also=also)
        return Meeting(brief, input_data.minutes, input_data.objections)


def _refuse_unqualified(brief: Briefing) -> None:
    """Raise Conflict for a lead that is no buyer, or of which nobody has found that it is one."""
    if brief.tier == "disqualified":
        why = ", ".join(found.code for found in brief.disqualifiers) or "by its qualification"
        raise Conflict(
            f"This lead is disqualified: {why}. Send override: true.", code="disqualified"
        )
    if brief.earlier is None:
        raise Conflict(
            "This lead is not qualified yet: run the agent qualification on it, or send "
            "override: true.",
            code="not_qualified",
        )
    if brief.tier not in ("hot", "warm"):
        needed = ", ".join(item["item"] for item in brief.earlier["missing"][:5]) or "nothing"
        raise Conflict(
            f"This lead is not qualified: {brief.tier}, {brief.earlier['score']} points. "
            f"Not known: {needed}. Find that out, or send override: true.",
            code="not_qualified",
        )


def _task(meeting: Meeting, input_data: BdrInput) -> str:
    quotes = "\n".join(f"- {one['quote']}" for one in meeting.their_words)
    items = "\n".join(f"- {item}: {question}" for item, question in meeting.items.items())
    slot = input_data.minutes - RESERVED
    return (
        f"A meeting of {input_data.minutes} minutes, {input_data.format}. The steps of the "
        f"demonstration fill minutes 0 to {slot}.\nAttendees: "
        f"{', '.join(input_data.attendees) or 'the lead'}.\nExpected objections: "
        f"{'; '.join(input_data.objections) or 'none'}.\nOpen items by name:\n{items or '- none'}\n"
        f"Quotes found earlier:\n{fenced(quotes or '- none')}"
    )


def _checked(path: str, value: Any, meeting: Meeting) -> tuple[Any, Sequence[Event]]:
    """What nothing backs is dropped; so is a step that is tied to nothing, and a question that
    fills nothing."""
    tie = meeting.tied(value.tie_to) if isinstance(value, StepForm) else None
    fault = None
    if isinstance(value, StepForm) and tie is None:
        fault = "untied", "it is tied to no words of theirs and to no open item"
    if isinstance(value, Question) and value.fills not in meeting.items:
        fault = "unknown_item", "the item that it fills is not open"
    if fault is not None:
        return None, [warning(fault[0], f"{path} was dropped: {fault[1]}")]
    piece, warnings = meeting.brief.check(path, value)
    return (piece and {**piece, "tie_to": tie}) if tie else piece, warnings


def _retimed(meeting: Meeting, pieces: dict[str, Any]) -> Iterator[Event]:
    """Where the minutes do not add up, code gives them out anew and shows the steps again."""
    steps = pieces.get("demo_steps", [])
    timed = meeting.timed(steps)
    if timed == steps:
        return
    pieces["demo_steps"] = timed
    yield warning("minutes", "the minutes of the steps did not add up and were given out anew")
    for number, step in enumerate(timed):
        yield finding(f"demo_steps[{number}]", step)
