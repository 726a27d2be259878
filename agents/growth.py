"""Growth: what is so at one company and not at others, and what to do about it this week.

An insight stands on a fact or an exact quote, or it is not shown: one that would fit any company is
none. Where fewer than four facts are known Growth says what is missing and stops.
"""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.base import BaseAgent, Event, Events
from agents.grounding.briefing import GROUND_RULES, Briefing, Evidence, briefing_of
from agents.grounding.dates import dates_in
from agents.grounding.dialogue import sentences_of
from agents.grounding.facts import FreeText
from agents.grounding.form import prose, schema_of
from agents.grounding.gate import finding
from agents.grounding.verifier import warning
from agents.structured import opened, or_by_rules, structured, told
from routing.ask import TaskType

ENOUGH_FACTS = 4

GUESSES = 2
"""So many hypotheses, and nothing else, about a company from which nobody has said anything."""

_SILENT_SOURCES = ("list_import", "account_list", "newsletter_signup")


class Snippet(BaseModel):
    """A piece of research that somebody hands in: where and when it was found."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    url: Annotated[str, Field(max_length=2000)] | None = None
    date: datetime.date | None = None


class GrowthInput(BaseModel):
    """A question about the lead's company, and research to answer it with."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(min_length=1, max_length=1000)] = (
        "what changed at this company, and why would it buy now?"
    )
    snippets: Annotated[list[Snippet], Field(max_length=20)] = []


class Insight(BaseModel):
    kind: Literal["fact", "inference", "hypothesis"] = Field(
        description="it stands there; it follows from what stands there; it is to be asked"
    )
    observation: str = Field(max_length=500, description="what is so at this company")
    evidence: list[str] = Field(description="fact numbers or exact quotes, at least one")
    so_what: str = Field(max_length=500, description="what follows for what we sell")
    action: str = Field(max_length=500, description="what a salesperson does this week")


class Signal(BaseModel):
    signal: str = Field(max_length=300, description="a date or a change that makes now the time")
    evidence: list[str] = Field(description="fact numbers or exact quotes, at least one")


class Risk(BaseModel):
    risk: str = Field(max_length=300, description="what speaks against a deal")
    evidence: list[str] = Field(description="fact numbers or exact quotes, at least one")


class GrowthForm(BaseModel):
    """What a model fills in."""

    headline: str = prose("at most 25 words: the one thing to know before writing to them")
    insights: list[Insight] = Field(default=[], max_length=5, description="3 to 5, the best first")
    timing_signals: list[Signal] = Field(default=[], max_length=5)
    risks: list[Risk] = Field(default=[], max_length=5)
    questions_to_ask: list[Annotated[str, Field(max_length=300)]] = Field(
        default=[], max_length=6, description="what this lead can answer in a sentence"
    )


class GroundedInsight(Insight):
    evidence: list[Evidence]  # type: ignore[assignment]


class GroundedSignal(Signal):
    evidence: list[Evidence]  # type: ignore[assignment]


class GroundedRisk(Risk):
    evidence: list[Evidence]  # type: ignore[assignment]


class GrowthResult(BaseModel):
    """`facts` are those that evidence names by number; `data_gaps` the heaviest first."""

    method: Literal["llm", "rules_only"]
    headline: str = ""
    insights: list[GroundedInsight] = []
    timing_signals: list[GroundedSignal] = []
    risks: list[GroundedRisk] = []
    questions_to_ask: list[str] = []
    data_gaps: list[str]
    facts: list[dict[str, Any]]
    made_with: dict[str, Any]


class Growth(BaseAgent):
    """Finds what is particular about a lead's company, and why it might buy now."""

    agent_type: ClassVar[str] = "growth"
    task_type: ClassVar[TaskType] = TaskType.GROWTH
    Input: ClassVar[type[BaseModel]] = GrowthInput
    Output: ClassVar[type[BaseModel] | None] = GrowthResult
    max_tokens: ClassVar[int] = 1500
    usual_tokens: ClassVar[int] = 900
    temperature: ClassVar[float | None] = 0.3
    max_latency_ms: ClassVar[float | None] = 20_000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.05")

    prompt_version: ClassVar[str] = "growth-1"
    system: ClassVar[str] = f"""\
You prepare a salesperson for one company.

{GROUND_RULES}

An insight says what is so at this company and would be untrue of most others: one that would fit
any company is none, leave it out. Say less where little is known. A fact stands in the material, an
inference follows from it, a hypothesis is a guess that says what to ask. No praise, no filler."""

    async def prepare(self, input_data: GrowthInput) -> None:
        (await self._briefing(input_data)).refuse()

    async def stream_execute(self, input_data: GrowthInput) -> Events:
        brief = await self._briefing(input_data)
        opening = [finding("facts", brief.facts), finding("data_gaps", _gaps(brief))]
        known = {event["name"]: event["value"] for event in opening}
        enough = len(brief.facts) >= ENOUGH_FACTS
        answer = self._asked(brief, input_data) if enough else self._too_little(brief)
        async for event in opened(opening, answer):
            if event["type"] == "complete":
                made_with = {**brief.made_with, "prompt": self.prompt_version}
                result = GrowthResult(**event["result"], **known, made_with=made_with)
                event["result"] = result.model_dump(mode="json")
            yield event

    def _asked(self, brief: Briefing, input_data: GrowthInput) -> Events:
        """The model's insights, or the dates and questions that rules find."""
        thin = _is_silent(brief, input_data)
        task = f"Answer this question about the company: {input_data.question}"
        if thin:
            task += f"\nNobody there has said anything: at most {GUESSES} hypotheses, nothing else."
        asked = self.model_router.stream_request(
            task_type=self.task_type,
            prompt=brief.prompt(task, GrowthForm),
            system=self.system,
            schema=schema_of(GrowthForm),
        )
        answer = structured(
            asked,
            GrowthForm,
            check=lambda path, value: _checked(path, value, brief, thin),
            gate=lambda path: brief.gate(path, most_words=25),
        )
        return or_by_rules(answer, GrowthForm, lambda: _by_rules(brief), self.complete)

    async def _too_little(self, brief: Briefing) -> Events:
        pieces = {
            "headline": brief.say("growth_too_little", open=", ".join(_gaps(brief)[:3])),
            "questions_to_ask": [item["question"] for item in brief.open_items[:3]],
        }
        for event in told(GrowthForm, pieces):
            yield event
        yield self.complete({**pieces, "method": "rules_only"})

    async def _briefing(self, input_data: GrowthInput) -> Briefing:
        texts = [
            FreeText(f"snippets[{n}]", one.text, "research", str(one.date) if one.date else None)
            for n, one in enumerate(input_data.snippets)
        ]
        return await briefing_of(self.context, texts=texts)


def _checked(path: str, value: Any, brief: Briefing, thin: bool) -> tuple[Any, Sequence[Event]]:
    """A piece must stand on something; about a silent company there are but a few guesses."""
    piece, warnings = brief.check(path, value)
    if not isinstance(piece, dict):
        return piece, warnings
    if not piece["evidence"]:
        why = "it stands on nothing, so it would fit any company"
        return None, [warning("generic", f"{path} was dropped: {why}")]
    if thin and isinstance(value, Insight):
        if int(path.partition("[")[2][:-1]) >= GUESSES:
            return None, [warning("thin", f"{path} was dropped: nobody there has said anything")]
        piece["kind"] = "hypothesis"
    return piece, warnings


def _is_silent(brief: Briefing, input_data: GrowthInput) -> bool:
    """Nobody from there has said anything to us, and no research was handed in."""
    said = any(text.name.startswith("messages") for text in brief.ledger.said_by_lead)
    return brief.lead.source in _SILENT_SOURCES and not said and not input_data.snippets


def _gaps(brief: Briefing) -> list[str]:
    """What is not known: what decides the deal first, then what the record lacks."""
    return list(dict.fromkeys([i["item"] for i in brief.open_items] + [*brief.ledger.missing]))


def _by_rules(brief: Briefing) -> dict[str, Any]:
    """Dates and questions, from facts alone."""
    gaps = ", ".join(_gaps(brief)[:4]) or brief.say("nothing")
    return {
        "headline": brief.say("growth_headline", facts=len(brief.facts), open=gaps),
        "timing_signals": [*_arrival(brief), *_dates(brief)][:5],
        "questions_to_ask": [item["question"] for item in brief.open_items[:6]],
    }


def _arrival(brief: Briefing) -> list[dict[str, Any]]:
    fact = brief.ledger.of("source")
    if fact is None:
        return []
    came = f"{fact.value}, {(fact.observed_at or '')[:10]}".rstrip(", ")
    signal = brief.say("came_in", source=came)
    return [{"signal": signal, "evidence": [{"ref": fact.id, "quote": None}]}]


def _dates(brief: Briefing) -> list[dict[str, Any]]:
    """Every sentence that names a date, in its own words."""
    found = [
        (text.name, sentence)
        for text in brief.ledger.texts
        if text.speaker != "agent"
        for sentence in sentences_of(text.text)
        if any(dates_in(sentence)) and text.places(sentence)
    ]
    return [
        {"signal": sentence, "evidence": [{"ref": name, "quote": sentence}]}
        for name, sentence in found
    ]
