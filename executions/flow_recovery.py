"""Recovery of workflows: what is done is kept, what ran begins anew behind a `reset` of its step.

Only under the version that it was started with: what has changed since may mean something else, so
such a workflow ends, and says so.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from errors import Interrupted, Problem
from executions.flow import Flow
from executions.flows import Flows, changed, start_of
from executions.progress import Progress, StepState
from executions.recovery import seen
from executions.workflow import Step, Workflow
from routing.receipt import Attempt, Past
from store import workflows

Row = dict[str, Any]


async def take_up_flows(flows: Flows, *, attempts: int) -> list[Flow]:
    """Give every open workflow its log back; return those that are to go on.

    `attempts` bounds how often one is taken up before a step of it ends: then what runs fails.
    """
    taken = []
    for row in await workflows.unfinished(flows.executions.database):
        flow = await _taken_up(flows, row)
        fails = row["recoveries"] >= attempts or row["asked"]["options"].get("on_failure") == "fail"
        if fails and not flow.log.ended:
            flow.interrupt(Interrupted("The server was interrupted while it wrote this."))
        if flow.log.ended:
            flows.executions.forget(flow)
        else:
            taken.append(flow)
    return taken


async def _taken_up(flows: Flows, row: Row) -> Flow:
    """On its log, with its bill; one that this version cannot go on with has ended."""
    # Of a version that is not known, enough to end it.
    steps = [Step(one["step"], needs=one["needs"]) for one in row["shape"]]
    workflow = flows.as_started(row) or Workflow(row["workflow"], row["version"], steps)
    progress = Progress(workflow, msgspec.convert(row["steps"], dict[str, StepState]))
    rows = await flows.recall(row["owner"], progress)
    own = {name: r for name, r in rows.items() if not progress.steps[name].reused}
    log = flows.executions.journal.open(row["workflow_id"], owner=row["owner"], last=row["last"])
    flow = flows.flow(start_of(row, client=row["owner"]), progress, log, _past(row, own))
    flow.recoveries = row["recoveries"]
    flows.executions.take_over(flow)
    try:
        if flows.as_started(row) is None:
            raise changed(row)
        for name in [name for name, _ in progress.open() if name in own]:
            past, begun = await seen(own[name], log, name)
            log_of_step = flow.log_of(name)
            step = flows.executions.revive(own[name], log_of_step, past, begun, flow.receipt)
            flow.own(name, step)
    except (Problem, msgspec.ValidationError, LookupError) as error:
        gone = "This version of the server cannot go on with this workflow."
        flow.fail(error if isinstance(error, Problem) else Interrupted(gone))
    return flow


def _past(row: Row, steps: dict[str, Row]) -> Past:
    """What its ended steps have cost, and when the first word of all came."""
    attempts = [a for step in steps.values() if step["ended_at"] for a in step["attempts"]]
    first = [
        round(_since(row, datetime.fromisoformat(step["created_at"])) * 1000) + step["ttft_ms"]
        for step in steps.values()
        if step["ttft_ms"] is not None
    ]
    return Past(
        attempts=msgspec.convert(attempts, list[Attempt]),
        elapsed_s=max(0.0, _since(row, datetime.now(UTC))),
        ttft_ms=min(first, default=None),
    )


def _since(row: Row, at: datetime) -> float:
    return (at - datetime.fromisoformat(row["created_at"])).total_seconds()
