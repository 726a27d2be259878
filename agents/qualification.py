"""Qualification: how much a lead deserves the next hour, by the seller's own table.

A model reads what the lead has written and quotes it; code checks each quote, adds the points and
names the tier. Without a model the same table is filled from the fields alone. An objection is
acted on before anything of the lead is sent to anybody.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from agents.base import AgentResult, BaseAgent, Context, Event, Events
from agents.grounding.advice import in_a_sentence, missing, next_action
from agents.grounding.assessment import Assessment
from agents.grounding.briefing import GROUND_RULES, briefing_of
from agents.grounding.form import pieces_of, schema_of
from agents.grounding.gate import finding
from agents.grounding.lead import Lead, LeadMessage, LongText
from agents.grounding.qualified import SUMMARY_WORDS, QualificationForm, QualificationResult
from agents.grounding.reading import Reading
from agents.grounding.verifier import warning
from agents.structured import opened, structured
from errors import Conflict, Fault, Invalid, NoCandidate
from routing.ask import TaskType
from store import results
from store.database import Write


class QualificationInput(BaseModel):
    """What is left out is the lead's own, and `as_of` today."""

    model_config = ConfigDict(extra="forbid")

    notes: LongText | None = None
    messages: Annotated[list[LeadMessage], Field(max_length=200)] | None = None
    as_of: date | None = None


class Qualification(BaseAgent):
    """Scores a lead by the seller's table, with a quote or a field behind every point."""

    agent_type: ClassVar[str] = "qualification"
    task_type: ClassVar[TaskType] = TaskType.QUALIFICATION
    Input: ClassVar[type[BaseModel]] = QualificationInput
    Output: ClassVar[type[BaseModel] | None] = QualificationResult
    max_tokens: ClassVar[int] = 1200
    usual_tokens: ClassVar[int] = 500
    temperature: ClassVar[float | None] = 0
    max_latency_ms: ClassVar[float | None] = 6000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.03")

    prompt_version: ClassVar[str] = "qualification-1"
    system: ClassVar[str] = f"""\
You read what a lead has written and show a salesperson where it says something that matters.

{GROUND_RULES}

You give no score and no points: you quote, and code counts. Each piece of evidence is one quote of
the lead's own words, as short as shows it, under one of these:
trigger, changed: something has changed at the company that makes now the time.
pain, stated: a problem that they say they have; denied: they say that they need or buy nothing.
metric, quantified: the problem in numbers.
timeline, dated: by when they need it, `by` the date that is meant; refused: they say not now.
authority, decides: the lead decides or signs, or is named with who does; influences: the lead
takes it to who decides; none: the lead has no say.
budget, allocated: money is set aside; planned: it is planned, wanted or waits for a signature;
refused: there is none, or it is frozen.
persona, senior, adjacent or other: only where the title is in a script other than Latin; quote it.
What our side has written is no evidence. Of two statements about one thing take the later one, and
put both under contradictions. What is not said is left out: an empty list is a good answer.
Disqualifiers: competitor, student_or_research, vendor_pitch, existing_customer_support, opt_out,
each with the words that say so. Questions: what this lead can answer in a sentence."""

    async def prepare(self, input_data: QualificationInput) -> None:
        lead = self._lead(input_data)
        if lead.opted_out:
            raise Conflict("This lead has opted out: nothing is done with it.", code="opted_out")
        if not (lead.email or lead.domain or lead.company_name):
            raise Invalid(
                "A lead to qualify has at least one of email, domain and company_name.",
                errors=[{"pointer": "/lead", "detail": "email, domain or company_name is missing"}],
            )

    async def stream_execute(self, input_data: QualificationInput) -> Events:
        await self.prepare(input_data)
        work = _Work(await self._assessment(input_data))
        answer = self._objected() if work.objected else self._asked(work)
        async with aclosing(opened(_opening(work.assessment), answer)) as events:
            async for event in events:
                for shown in work.take(event):
                    yield shown
                if event["type"] == "complete":
                    for shown in work.closing():
                        yield shown
                    event["result"] = work.result(self.prompt_version)
                    yield event

    async def _asked(self, work: "_Work") -> Events:
        """The model's reading; what the rules have found where none is in reach."""
        asked = self.model_router.stream_request(
            task_type=self.task_type,
            prompt=work.assessment.briefing.prompt("Fill in the form.", QualificationForm),
            system=self.system,
            schema=schema_of(QualificationForm),
        )
        answer = structured(
            asked,
            QualificationForm,
            check=lambda path, value: work.reading.check(path, value),
            gate=lambda path: work.assessment.briefing.gate(path, most_words=SUMMARY_WORDS),
        )
        try:
            async with aclosing(answer):
                async for event in answer:
                    yield event
        except (NoCandidate, Fault) as problem:
            if work.by_model:
                raise
            yield warning("rules_only", f"{problem.detail} What follows was made by rules alone.")
            yield self.complete(None)

    async def _objected(self) -> Events:
        """Nothing of somebody who objects is sent to a model."""
        yield self.complete(None)

    async def _assessment(self, input_data: QualificationInput) -> Assessment:
        as_of = input_data.as_of or datetime.now(UTC).date()
        briefing = await briefing_of(self._place(input_data))
        return Assessment(replace(briefing, today=as_of))

    def _place(self, input_data: QualificationInput) -> Context | None:
        """The context, the lead in it with the input's notes and messages in place of its own."""
        if self.context is None:
            return None
        lead = self._lead(input_data).model_dump(mode="json", exclude_unset=True)
        return replace(self.context, lead=lead)

    def _lead(self, input_data: QualificationInput) -> Lead:
        known = Lead.model_validate((self.context and self.context.lead) or {})
        said = {n: v for n in ("notes", "messages") if (v := getattr(input_data, n)) is not None}
        return known.model_copy(update=said)

    @classmethod
    def completed(cls, input_data: Any) -> Any:
        return input_data.model_copy(update={"as_of": input_data.as_of or datetime.now(UTC).date()})

    def closing_writes(self, input_data: Any, result: AgentResult) -> list[Write]:
        if self.context is None or result.status != "success":
            return []
        return [results.qualification(self.context.execution_id, result.result, datetime.now(UTC))]


class _Work:
    """One qualification on its way: what was shown of it, and what it comes to."""

    def __init__(self, assessment: Assessment) -> None:
        self.assessment = assessment
        self.objected = assessment.briefing.verdict.basis == "objection"
        self._begin()

    def _begin(self) -> None:
        self.reading = Reading(self.assessment)
        self._shown = dict(self.reading.components)
        self._summary = ""
        self.by_model = False
        self._warned = [code for code, _ in self.assessment.warnings]

    def take(self, event: Event) -> Iterator[Event]:
        """What the reader is shown for an event of the answer: of evidence, the component."""
        kind = event["type"]
        if kind == "reset":
            self._begin()
        elif kind == "token":
            self._summary += event["content"]
        elif kind == "warning":
            self._warned.append(event["code"])
        self.by_model = self.by_model or kind == "token" or self.reading.taken > 0
        if kind != "complete" and not (kind == "field" and _is_of_form(event["name"])):
            yield event
        yield from self._changed()

    def closing(self) -> Iterator[Event]:
        """What only code can say, once there is nothing more to read."""
        if not self._summary.strip():
            self._summary = in_a_sentence(self.reading)
            yield {"type": "token", "content": self._summary, "field": "summary"}
        for name, value in self._findings().items():
            yield finding(name, value)

    def result(self, prompt_version: str) -> dict[str, Any]:
        made_with = {**self.assessment.briefing.made_with, "prompt": prompt_version}
        return QualificationResult(
            summary=self._summary,
            components=list(self.reading.components.values()),
            warnings=list(dict.fromkeys(self._warned)),
            made_with=made_with,
            **self._findings(),
        ).model_dump(mode="json")

    def _findings(self) -> dict[str, Any]:
        reading = self.reading
        return {
            **reading.score.model_dump(),
            "disqualifiers": [found._asdict() for found in reading.disqualifiers],
            "contradictions": reading.contradictions,
            "missing": missing(reading),
            "next_action": next_action(reading),
            "contact_policy": reading.verdict.shown(),
            "confidence": reading.confidence,
            "method": "llm" if self.by_model else "rules_only",
        }

    def _changed(self) -> Iterator[Event]:
        """The components that are other than they were shown."""
        for number, (name, component) in enumerate(self.reading.components.items()):
            if component is not self._shown[name]:
                self._shown[name] = component
                yield finding(f"components[{number}]", component.model_dump())


def _is_of_form(name: str) -> bool:
    """Whether a field is an element of what the model fills in: its reader sees what follows."""
    return "[" in name and name.partition("[")[0] in pieces_of(QualificationForm)


def _opening(assessment: Assessment) -> Sequence[Event]:
    """What is known before a model is asked."""
    briefing, reading = assessment.briefing, Reading(assessment)
    components = enumerate(assessment.components.values())
    return [
        finding("facts", briefing.facts),
        finding("contact_policy", briefing.verdict.shown()),
        finding("disqualifiers", [found._asdict() for found in reading.disqualifiers]),
        *(finding(f"components[{n}]", c.model_dump()) for n, c in components),
        finding("pre_score", reading.score.model_dump()),
        finding("missing", missing(reading)),
        *(warning(code, detail) for code, detail in assessment.warnings),
    ]
