"""Enrichment: what is known of a lead, what sources add to it, and who says so.

The user's own record comes first, then each source in turn, and only for what is still missing:
what is known is not bought. Every field names its source. A model puts them into words and adds
nothing; without one the fields stand as a table.
"""

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.base import AgentResult, BaseAgent, Context, Event, Events
from agents.grounding.briefing import GROUND_RULES, LANGUAGES, Briefing, briefing_of
from agents.grounding.facts import Ledger
from agents.grounding.gate import finding, spoken
from agents.grounding.injection import fenced
from agents.grounding.lead import Text
from agents.grounding.sources.asking import Looked, Order, Sources
from agents.grounding.sources.base import FIELDS, keys_of
from agents.grounding.sources.findings import Findings, facts_of
from agents.grounding.verifier import warning
from errors import Fault, Invalid, NoCandidate
from routing.ask import TaskType
from store import enrichment as table
from store.database import Write

Names = Annotated[list[Text], Field(max_length=50)]

_KEYS = {"email", "domain", "linkedin_url", "name", "company_name"}


class EnrichmentInput(BaseModel):
    """Keys left out are the lead's own, `fields` all, `sources` all that are configured."""

    model_config = ConfigDict(extra="forbid")

    email: Text | None = None
    domain: Text | None = None
    linkedin_url: Text | None = None
    name: Text | None = None
    company_name: Text | None = None
    fields: Names | None = None
    sources: Names | None = None
    max_credits: int = Field(default=2, ge=0, le=100)
    refresh: bool = False


class FoundField(BaseModel):
    value: str | int | float
    source: str
    retrieved_at: str | None
    confidence: float
    status: Literal["confirmed", "single_source", "conflict", "derived", "stale"]


class EnrichmentResult(BaseModel):
    status: Literal["complete", "partial", "no_match", "pending", "not_configured"]
    fields: dict[str, FoundField]
    conflicts: list[dict[str, Any]]
    not_found: list[str]
    providers: list[dict[str, Any]]
    credits_spent: int
    profile_text: str
    method: Literal["llm", "rules_only"]
    made_with: dict[str, Any]


class Enrichment(BaseAgent):
    """Looks up what is not known of a lead, with its source for every field, and sums it up."""

    agent_type: ClassVar[str] = "enrichment"
    task_type: ClassVar[TaskType] = TaskType.ENRICHMENT
    Input: ClassVar[type[BaseModel]] = EnrichmentInput
    Output: ClassVar[type[BaseModel] | None] = EnrichmentResult
    max_tokens: ClassVar[int] = 600
    usual_tokens: ClassVar[int] = 150
    temperature: ClassVar[float | None] = 0
    max_latency_ms: ClassVar[float | None] = 5000
    max_cost_usd: ClassVar[Decimal | None] = Decimal("0.005")

    prompt_version: ClassVar[str] = "enrichment-1"
    system: ClassVar[str] = f"""\
You sum up for a salesperson what is known of one person and the company, in at most 80 words.

{GROUND_RULES}

Plain sentences, nothing but what the facts say: no judgement, no advice, no praise, no numbers of
facts."""

    _awaited: str | None = None
    """The callback that it has ended without."""

    async def prepare(self, input_data: EnrichmentInput) -> None:
        (await briefing_of(self.context)).refuse()
        for name, known in {"fields": FIELDS, "sources": _sources(self.context).all}.items():
            if unknown := sorted(set(getattr(input_data, name) or ()) - set(known)):
                raise Invalid(
                    f"Unknown {name}: {', '.join(unknown)[:200]}. Known: {', '.join(known)}.",
                    errors=[{"pointer": f"/{name}", "detail": "names what there is not"}],
                )

    async def stream_execute(self, input_data: EnrichmentInput) -> Events:
        search = _Search(await briefing_of(self.context), input_data, self.context)
        shown = []
        async for event in search.events():
            shown.append(event)
            yield event
        async with aclosing(self._profile(search.profiled())) as events:
            async for event in events:
                if event["type"] == "complete":
                    async for late in search.late():
                        yield late
                    self._awaited = search.awaited
                    made_with = {**search.brief.made_with, "prompt": self.prompt_version}
                    event["result"] = search.result(**event["result"], made_with=made_with)
                yield event
                for again in shown if event["type"] == "reset" else ():
                    yield again

    async def _profile(self, brief: Briefing) -> Events:
        """The fields in words, or as a table: they were paid for, and no model takes them away."""
        language = LANGUAGES.get(brief.language, brief.language)
        asked = self.model_router.stream_request(
            task_type=self.task_type,
            prompt=f"{fenced(brief.ledger.render())}\n\nWrite in {language}.",
            system=self.system,
        )
        said, method = "", "llm"
        gate = lambda: brief.gate("profile_text", most_words=80)  # noqa: E731
        try:
            async with aclosing(spoken(asked, gate)) as events:
                async for event in events:
                    if event["type"] == "token":
                        said += event["content"]
                        event["field"] = "profile_text"
                    elif event["type"] == "reset":
                        said = ""
                    elif event["type"] == "complete":
                        event["result"] = {"profile_text": said, "method": method}
                    yield event
                return
        except (Fault, NoCandidate) as problem:
            why = problem.detail
        if not said:
            method = "rules_only"
            said = "\n".join(f"{f.field}: {f.value} ({f.source})" for f in brief.ledger.facts)
            yield {"type": "token", "content": said, "field": "profile_text"}
        yield warning("rules_only" if method != "llm" else "cut_off", f"{why} The fields stay.")
        yield self.complete({"profile_text": said, "method": method})

    def closing_writes(self, input_data: Any, result: AgentResult) -> list[Write]:
        if self.context is None or result.status != "success":
            return []
        now, execution_id = datetime.now(UTC), self.context.execution_id
        return [table.found(execution_id, result.result, self._awaited, now)]


def _sources(place: Context | None) -> Sources:
    assert place is not None
    assert place.sources is not None
    return place.sources


class _Search:
    """One enrichment on its way through the sources."""

    def __init__(self, brief: Briefing, said: EnrichmentInput, place: Context | None) -> None:
        assert place is not None
        self.brief = brief
        self._sources = _sources(place)
        self._order = Order(place.owner, place.execution_id, said.max_credits, said.refresh)
        lead, own = brief.lead.model_dump(), said.model_dump(include=_KEYS, exclude_none=True)
        self._keys = keys_of(lead | own)
        wanted = [name for name in FIELDS if name in (said.fields or FIELDS)]
        self._findings = Findings(wanted, brief.ledger, keys_of(lead).domain)
        self._asked = [s for s in self._sources.all.values() if s.name in (said.sources or s.name)]
        self._rows: list[Looked] = []

    async def events(self) -> Events:
        """What is known, then each field as it lands."""
        yield finding("facts", self.brief.facts)
        for name, field in self._findings.fields.items():
            yield finding(f"fields.{name}", dict(field))
        for source in self._asked:
            if not source.configured():
                yield warning(
                    "not_configured", f"{source.name} is not asked: set {source.setting}."
                )
                continue
            for question in source.estimate(self._keys):
                if question.gives.isdisjoint(self._findings.missing):
                    continue
                looked = await self._sources.look_up(source, question, self._order)
                self._rows.append(looked)
                for event in self._take(len(self._rows) - 1):
                    yield event
        yield finding("not_found", self._findings.missing)

    def _take(self, at: int) -> Iterator[Event]:
        """A row of `providers`, and what it adds."""
        yield finding(f"providers[{at}]", self._rows[at].shown())
        yield from self._findings.add(self._rows[at].fields)

    async def late(self) -> Events:
        """What has been awaited, where it has come."""
        for at, row in enumerate(self._rows):
            if row.match == "pending" and row.callback_id:
                answer = await self._sources.late(row.callback_id)
                if answer is not None:
                    self._rows[at] = row.answered(answer)
                    for event in self._take(at):
                        yield event
                    yield finding("not_found", self._findings.missing)

    @property
    def awaited(self) -> str | None:
        """The id of a callback that has not come."""
        return next((row.callback_id for row in self._rows if row.match == "pending"), None)

    def profiled(self) -> Briefing:
        """The fields, and nothing else, to be put into words."""
        lead = self.brief.lead.model_copy(update={"language": self.brief.language})
        return replace(self.brief, lead=lead, ledger=Ledger(facts_of(self._findings.fields), ()))

    def result(self, **profile: Any) -> dict[str, Any]:
        result = EnrichmentResult(
            status=self._status(),
            fields=self._findings.fields,
            conflicts=self._findings.conflicts,
            not_found=self._findings.missing,
            providers=[row.shown() for row in self._rows],
            credits_spent=sum(row.credits for row in self._rows),
            **profile,
        )
        return result.model_dump(mode="json")

    def _status(self) -> Any:
        if not any(source.configured() for source in self._asked):
            return "not_configured"
        if self.awaited:
            return "pending"
        if not self._findings.missing:
            return "complete"
        return "no_match" if all(row.match == "none" for row in self._rows) else "partial"
