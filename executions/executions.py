"""Everything that runs: starts executions, finds them, and empties the house on the way out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec import structs
from pydantic import BaseModel

from agents.base import BaseAgent, Context
from agents.grounding.sources.asking import Sources
from errors import NotFound, Problem
from executions.admission import Admission
from executions.budget import Budgets
from executions.execution import Execution
from executions.lead import StartLead, lead_of
from executions.running import Running
from executions.start import Start, StartOptions, checked
from routing.ask import Begun, Options
from routing.model_router import ModelRouter
from routing.receipt import Past, Receipt
from settings import Settings
from store import executions as table
from store import ids, streams, workflows
from store.database import Database, Write
from streams.journal import Journal
from streams.log import Log


@dataclass(frozen=True)
class Started:
    """What a start came to. `replayed`: the Idempotency-Key had started it before."""

    execution_id: str
    stream_id: str
    agent_type: str
    lead_id: str | None
    replayed: bool = False


@dataclass(frozen=True)
class Build:
    """What an execution is made of; `past` and `begun` where an earlier process began it."""

    options: StartOptions
    agent_class: type[BaseAgent]
    context: Context
    log: Log
    past: Past | None = None
    begun: Begun | None = None
    whole: Receipt | None = None
    """The bill of the workflow whose step it is."""


@dataclass
class Executions:
    """Owns every running execution. Nothing outside holds one."""

    agents: Mapping[str, type[BaseAgent]]
    router: ModelRouter
    journal: Journal
    database: Database
    settings: Settings
    admission: Admission
    sources: Sources
    budgets: Budgets = field(default_factory=Budgets)
    running: dict[str, Running] = field(default_factory=dict)
    """By stream id."""
    on_begun: Callable[[Running], None] = lambda running: None
    on_ended: Callable[[Running], None] = lambda running: None
    """Called with each; it may end without its terminal event, when the process goes."""

    async def start(self, start: Start) -> Started:
        """Start an execution; return once its row is committed. Raises a Problem for a refusal."""
        agent_class = self.agent(start.agent_type)
        input_data = agent_class.completed(checked(agent_class.Input, start.input, start.input_at))
        start = _with_key(start, agent_class.resend_key(input_data))
        async with self.admission.keyed(start) as known:
            if known is not None:
                return await self._replayed(start.owner, known)
            self.admission.enter(start.client)
            execution = None
            try:
                lead = await lead_of(self.database, start, needed=agent_class.needs_lead)
                context = self.context(ids.new("ex"), lead.fields, lead.lead_id, start.owner)
                log = self.journal.open(ids.new("st"), owner=start.owner)
                build = Build(start.options, agent_class, context, log)
                execution = self.build(build, input_data)
                execution.client = start.client
                self.budgets.reserve(execution.receipt.grant)
                await execution.agent.prepare(input_data)
                stop = getattr(input_data, "if_busy", "reject") == "stop"
                async with self.admission.floor(execution, stop=stop):
                    await self._open(execution, start, lead)
                    self.begin(execution)
            except BaseException:
                if execution is not None:
                    execution.receipt.close()
                self.admission.leave(execution, start.client)
                raise
            return Started(
                execution.execution_id, execution.stream_id, start.agent_type, lead.lead_id
            )

    def agent(self, agent_type: str) -> type[BaseAgent]:
        """Raises NotFound, without listing what there is."""
        if agent_type not in self.agents:
            raise NotFound(f"There is no agent {agent_type[:64]!r}.", code="unknown_agent")
        return self.agents[agent_type]

    def context(
        self, execution_id: str, lead: dict[str, Any] | None, lead_id: str | None, owner: str
    ) -> Context:
        return Context(execution_id, self.database, lead, lead_id, owner, self.sources)

    def begin(self, running: Running) -> None:
        """Let it run; when it ends its place is free."""
        self.own(running)
        self.on_begun(running)
        running.run()

    def revive(
        self,
        row: dict[str, Any],
        log: Log,
        past: Past,
        begun: Begun | None,
        whole: Receipt | None = None,
    ) -> Execution:
        """An execution of an earlier process, on its log, with its receipt. It does not run yet.

        `begun`: its words so far, where it was started to continue them.
        """
        agent_class = self.agent(row["agent_type"])
        options = checked(StartOptions, row["options"]["start"])
        context = self.context(
            row["execution_id"], row["options"]["lead"], row["lead_id"], row["owner"]
        )
        input_data = checked(agent_class.Input, row["input"])
        begun = begun if begun and self._may_continue(agent_class, begun) else None
        build = Build(options, agent_class, context, log, past, begun, whole)
        execution = self.build(build, input_data)
        execution.result.take({"type": "token", "content": past.interrupted_after})
        execution.client = row["owner"]
        return execution

    def take_over(self, running: Running) -> None:
        """What an earlier process began has its place here."""
        self.admission.take_over(running)
        self.own(running)

    async def stop(self, owner: str, stream_id: str) -> dict[str, Any]:
        """`{stream_id, status, metadata}`: the receipt. A second stop answers the same."""
        execution = self.running.get(stream_id)
        if execution is not None and execution.log.owner == owner:
            await execution.stop()
        await self.journal.settled(stream_id)
        row = await workflows.find(self.database, owner, stream_id)
        row = row or await table.of_stream(self.database, owner, stream_id)
        if row is None:
            raise NotFound("There is no such stream.", code="unknown_stream")
        return {"stream_id": stream_id, "status": row["status"], "metadata": row["metadata"]}

    async def finished(self, owner: str, execution_id: str, stream_id: str) -> dict[str, Any]:
        """The execution's row, once it has ended."""
        if (execution := self.running.get(stream_id)) is not None:
            await execution.ended()
        await self.journal.settled(stream_id)
        row = await table.find(self.database, owner, execution_id)
        assert row is not None
        return row

    def break_off(self, problem: Problem) -> None:
        """End everything as `error`: what vendors write now could not be stored."""
        for execution in list(self.running.values()):
            execution.break_off(problem)

    async def drain(self, within_s: float) -> None:
        """Start nothing more; give what runs `within_s` to end, and leave the rest to recovery."""
        self.admission.draining = True
        running = list(self.running.values())
        if running:
            ends = [asyncio.create_task(execution.ended()) for execution in running]
            _, late = await asyncio.wait(ends, timeout=within_s)
            for end in late:
                end.cancel()
        await asyncio.gather(*(execution.leave() for execution in list(self.running.values())))

    async def _open(self, execution: Execution, start: Start, lead: StartLead) -> None:
        """Commit the execution, its stream and its `start` event, all or nothing."""
        now = datetime.now(UTC)
        execution.log.append(
            {
                "type": "start",
                "stream_id": execution.stream_id,
                "execution_id": execution.execution_id,
                "agent_type": start.agent_type,
                "lead_id": lead.lead_id,
            },
            *lead.writes,
            streams.created(execution.stream_id, start.owner, now),
            table.created(row_of(execution, start.options, lead.lead_id), now),
            *_keyed(start, execution.execution_id, now),
            *execution.agent.opening_writes(execution.input),
        )
        await execution.opened()

    def build(self, build: Build, input_data: BaseModel) -> Execution:
        """An execution that does not run yet, and of which nothing is stored."""
        options, agent_class = build.options, build.agent_class
        asked: Options = {**agent_class.options(), **options.for_router(), "begun": build.begun}
        receipt = Receipt(
            agent_class.task_type,
            self.router.candidates.prices,
            past=build.past,
            budget_usd=options.max_cost_usd,
        )
        elapsed_s = build.past.elapsed_s if build.past else 0.0
        receipt.grant = self.budgets.grant(build.context.owner, elapsed_s)
        if build.whole is not None:
            receipt.join(build.whole)
            # What is left for all is no reason to choose a dearer model than the agent would.
            bounds = filter(None, (agent_class.max_cost_usd, options.max_cost_usd))
            asked["max_cost_usd"] = min(bounds, default=None)
        return Execution(
            agent_class(self.router.bound(receipt, asked), build.context),
            input_data,
            build.log,
            receipt,
            begun=build.begun,
            abandon_after_s=None if options.detach else self.settings.abandon_after_s,
        )

    async def _replayed(self, owner: str, execution_id: str) -> Started:
        row = await table.find(self.database, owner, execution_id)
        assert row is not None
        return Started(
            execution_id, row["stream_id"], row["agent_type"], row["lead_id"], replayed=True
        )

    def _may_continue(self, agent_class: type[BaseAgent], begun: Begun) -> bool:
        """Plain prose, by a model that is still there and takes its own words as a beginning."""
        named = {c.name: c for c in self.router.candidates}
        candidate = named.get(begun.candidate)
        return (
            agent_class.prose
            and candidate is not None
            and candidate.missing is None
            and candidate.source.continues
        )

    def own(self, running: Running) -> None:
        self.running[running.stream_id] = running
        running.on_end = self.forget

    def forget(self, running: Running) -> None:
        self.running.pop(running.stream_id, None)
        self.admission.leave(running, running.client)
        self.on_ended(running)


def row_of(execution: Execution, options: StartOptions, lead_id: str | None) -> dict[str, Any]:
    """An execution as a row of `agent_executions`."""
    context = execution.agent.context
    return {
        "execution_id": execution.execution_id,
        "stream_id": execution.stream_id,
        "owner": execution.log.owner,
        "agent_type": execution.agent.agent_type,
        "lead_id": lead_id,
        "input": execution.input.model_dump(mode="json"),
        "options": {
            "start": options.model_dump(exclude_unset=True),
            # The lead as it was: a restart works on what the start saw.
            "lead": context and context.lead,
        },
    }


def _keyed(start: Start, execution_id: str, at: datetime) -> list[Write]:
    if start.key is None:
        return []
    return [table.keyed(start.owner, start.key, start.fingerprint(), execution_id, at)]


def _with_key(start: Start, resend_key: str | None) -> Start:
    """A message sent again is the same start, also without an Idempotency-Key."""
    if start.key is not None or resend_key is None:
        return start
    return structs.replace(start, key=resend_key)
