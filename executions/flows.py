"""Flows: starts workflows, takes up again what ended early or died, and shows how far each is."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from errors import Conflict, Invalid, NotFound
from executions.executions import Executions
from executions.flow import Flow
from executions.lead import StartLead, lead_of
from executions.progress import Progress, StepState
from executions.start import Start, StartOptions, checked, pointer
from executions.steps import Steps
from executions.workflow import Workflow
from executions.workflows import Workflows
from routing.receipt import Past, Receipt
from store import executions as table
from store import ids, streams, workflows
from streams.log import Log

_SHOWN = (
    "workflow_id", "workflow", "version", "lead_id", "status", "error", "metadata", "created_at",
    "ended_at",
)  # fmt: skip


class StartedFlow(NamedTuple):
    """What a start came to. `replayed`: its Idempotency-Key, or a resume, had started it before."""

    workflow_id: str
    workflow: Workflow
    lead_id: str | None
    replayed: bool = False


@dataclass(frozen=True)
class Flows:
    """`workflows` are the definitions; what runs is owned by `executions`."""

    workflows: Workflows
    executions: Executions

    async def start(self, start: Start) -> StartedFlow:
        """Start the newest version of the workflow that `start.agent_type` names."""
        workflow = self.workflows.newest(start.agent_type)
        if workflow is None:
            raise NotFound("There is no such workflow.", code="unknown_workflow")
        start = structs.replace(start, agent_type=f"workflow {workflow.name}")
        self._check(start, workflow)
        return await self._start(start, Progress(workflow))

    async def resume(self, owner: str, workflow_id: str, client: str) -> StartedFlow:
        """Start what ended early anew, on a stream of its own, with all that was done.

        Only once: asked again, it names the same stream. Raises NotFound, or Conflict where
        nothing is to be done or its version is not known any more.
        """
        row = await self._find(owner, workflow_id)
        workflow = self.as_started(row)
        if workflow is None:
            raise changed(row)
        if row["ended_at"] is None:
            return StartedFlow(workflow_id, workflow, row["lead_id"], replayed=True)
        progress = Progress(workflow, msgspec.convert(row["steps"], dict[str, StepState]))
        if not progress.unfinished:
            raise Conflict("Every step has had its turn.", code="nothing_to_resume")
        start = start_of(row, key=f"resume {workflow_id}", client=client)
        return await self._start(start, progress.again())

    async def shown(self, owner: str, workflow_id: str) -> dict[str, Any]:
        """The state of a started workflow, with each step's result and cost. Raises NotFound."""
        row = await self._find(owner, workflow_id)
        steps = []
        for shape in row["shape"]:
            step = row["steps"][shape["step"]]
            found = (
                await table.find(self.executions.database, owner, step["execution_id"] or "") or {}
            )
            metadata = found.get("metadata")
            of = {"result": found.get("result"), "metadata": metadata}
            of["total_cost_usd"] = metadata and metadata["total_cost_usd"]
            steps.append(shape | step | of)
        return {name: row[name] for name in _SHOWN} | {"steps": steps}

    async def _start(self, start: Start, progress: Progress) -> StartedFlow:
        admission, workflow = self.executions.admission, progress.workflow
        async with admission.keyed(start) as known:
            if known is not None:
                return StartedFlow(known, workflow, start.lead_id, replayed=True)
            admission.enter(start.client)
            flow = None
            try:
                lead = await lead_of(self.executions.database, start, needed=True)
                log = self.executions.journal.open(ids.new("st"), owner=start.owner)
                flow = self.flow(start, progress, log, Past())
                await self.recall(start.owner, progress)
                await flow.prepare(lead.fields)
                await self._open(flow, start, lead)
            except BaseException:
                admission.leave(flow, start.client)
                raise
            self.executions.begin(flow)
            return StartedFlow(flow.stream_id, workflow, start.lead_id)

    async def _open(self, flow: Flow, start: Start, lead: StartLead) -> None:
        """Commit the state, the stream and its `start` event, all or nothing."""
        workflow, now = flow.progress.workflow, datetime.now(UTC)
        names: dict[str, Any] = {"workflow_id": flow.stream_id, "workflow": workflow.name}
        names |= {"version": workflow.version, "lead_id": start.lead_id}
        options = start.options.model_dump(exclude_unset=True)
        row = {
            **names,
            "owner": start.owner,
            "shape": workflow.shape,
            "asked": {"input": start.input, "options": options},
            "steps": msgspec.to_builtins(flow.progress.steps),
            "key": start.key,
            "fingerprint": start.fingerprint(),
        }
        flow.log.append(
            {"type": "start", "stream_id": flow.stream_id, **names, "steps": workflow.shape},
            *lead.writes,
            streams.created(flow.stream_id, start.owner, now),
            workflows.created(row, now),
        )
        for name, step in flow.progress.steps.items():
            if step.reused:
                flow.tell(name)
        await flow.opened()

    def _check(self, start: Start, workflow: Workflow) -> None:
        """Raises Invalid for an input that no step takes. What a step is given by others is
        checked when it begins."""
        for name, said in start.input.items():
            if name not in [step.name for step in workflow.steps]:
                fault = {"pointer": f"/input{pointer(name)}", "detail": "no step is called so"}
                raise Invalid("`input` holds what steps are told, by step.", errors=[fault])
            checked(self.executions.agent(name).Input, said, f"/input/{name}")

    def flow(self, asked: Start, progress: Progress, log: Log, past: Past) -> Flow:
        """A flow that does not run yet."""
        said = asked.options.max_cost_usd
        receipt = Receipt(
            progress.workflow.name,
            self.executions.router.candidates.prices,
            past=past,
            budget_usd=progress.workflow.budget_usd if said is None else said,
        )
        grace = None if asked.options.detach else self.executions.settings.abandon_after_s
        flow = Flow(Steps(self.executions, asked, receipt), progress, log, abandon_after_s=grace)
        flow.client = asked.client
        return flow

    async def recall(self, owner: str, progress: Progress) -> dict[str, dict[str, Any]]:
        """Read the results of what is done. Returns the rows of all executions, by step."""
        rows = {}
        for name, step in progress.steps.items():
            if step.execution_id is not None:
                row = await table.find(self.executions.database, owner, step.execution_id)
                assert row is not None
                rows[name] = row
                if step.state == "done":
                    progress.results[name] = row["result"]
        return rows

    def as_started(self, row: dict[str, Any]) -> Workflow | None:
        """The definition that it was started under, None where that is not known any more."""
        known = self.workflows.get((row["workflow"], row["version"]))
        return known if known is not None and known.shape == row["shape"] else None

    async def _find(self, owner: str, workflow_id: str) -> dict[str, Any]:
        row = await workflows.find(self.executions.database, owner, workflow_id)
        if row is None:
            raise NotFound("There is no such workflow.", code="unknown_workflow")
        return row


def changed(row: dict[str, Any]) -> Conflict:
    """Its steps may mean something else now, so nothing of it is gone on with."""
    return Conflict(
        f"{row['workflow']} was started as version {row['version']}, and this server does not know "
        "that version any more. What is done stays; start the workflow anew for the rest.",
        code="workflow_changed",
    )


def start_of(row: dict[str, Any], *, client: str, key: str | None = None) -> Start:
    """What was asked for when it was started."""
    return Start(
        agent_type=f"workflow {row['workflow']}",
        owner=row["owner"],
        input=row["asked"]["input"],
        options=checked(StartOptions, row["asked"]["options"]),
        lead_id=row["lead_id"],
        key=key,
        client=client,
    )
