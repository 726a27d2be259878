"""Recovery: what the last process left open is taken up again, in view of whoever reads it.

Each open stream gets its log back before the server listens, so a follower may connect from the
first moment. Then, a few a second so that a restart does not storm the vendors, each goes on where
its model can go on from its own words, begins anew behind one `reset`, or ends as `error`
`interrupted` once that happened too often. The Receipt goes on: the interrupted attempt stands in
it with its cost, marked as estimated, because the vendor's own count died with the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.base import AgentResult
from errors import Interrupted, Problem
from executions.epitaph import epitaph
from executions.execution import Execution
from executions.executions import Executions
from executions.running import Running
from routing.ask import Begun
from routing.receipt import Attempt, Past, Receipt
from store import executions as table
from streams import sse
from streams.log import Log

RECOVERIES_A_SECOND = 25

logger = logging.getLogger("leadstream.recovery")


async def take_up(executions: Executions, *, attempts: int) -> list[Execution]:
    """Give every open stream its log back; return the executions that are to `go_on`.

    `attempts` bounds how often one is taken up; those past it, and those that were started with
    `on_failure: fail`, end here.
    """
    rows = await table.unfinished(executions.database)
    taken = []
    for row in rows:
        execution = await _taken_up(executions, row)
        if execution is None:
            continue
        taken.append(execution)
        if row["recoveries"] >= attempts or row["options"]["start"].get("on_failure") == "fail":
            execution.fail(Interrupted("The server was interrupted while it wrote this answer."))
            executions.forget(execution)
    if rows:
        logger.info("%d streams were left open by the last process", len(rows))
    return [execution for execution in taken if not execution.log.ended]


async def go_on(
    executions: Executions,
    taken: Sequence[Running],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Let them run, a few a second."""
    for running in taken:
        if not running.log.ended:
            running.reopen()
            executions.begin(running)
            await sleep(1 / RECOVERIES_A_SECOND)


async def _taken_up(executions: Executions, row: dict[str, Any]) -> Execution | None:
    """An execution to go on with; None for one that ends here, as it fits this version no more."""
    log = executions.journal.open(row["stream_id"], owner=row["owner"], last=row["last"])
    try:
        return await _revived(executions, row, log)
    except (Problem, msgspec.ValidationError, LookupError) as error:
        logger.error("stream %s cannot be taken up: %s", log.stream_id, error)
        _end(executions, row, log)
        return None


def _end(executions: Executions, row: dict[str, Any], log: Log) -> None:
    """The stream ends as interrupted; of what it had cost is kept what can be read."""
    problem = Interrupted("This version of the server cannot go on with this answer.")
    receipt = Receipt(row["agent_type"], executions.router.candidates.prices)
    metadata = receipt.metadata() | {"attempts": row["attempts"]}
    event, writes = epitaph(row["execution_id"], problem, metadata)
    log.append(event, *writes)


async def _revived(executions: Executions, row: dict[str, Any], log: Log) -> Execution:
    """An execution with its receipt and what its readers have seen."""
    execution = executions.revive(row, log, *await seen(row, log))
    executions.take_over(execution)
    return execution


async def seen(row: dict[str, Any], log: Log, step: str | None = None) -> tuple[Past, Begun | None]:
    """What an earlier process has spent and shown; of a workflow's log, what this `step` has."""
    text = await _text_of(log, step)
    past = _past(row, text)
    continues = row["options"]["start"].get("on_failure") == "continue"
    return past, Begun(_last(past), text) if continues and text and past.attempts else None


def _past(row: dict[str, Any], text: str) -> Past:
    started = datetime.fromisoformat(row["created_at"])
    return Past(
        attempts=msgspec.convert(row["attempts"], list[Attempt]),
        elapsed_s=max(0.0, (datetime.now(UTC) - started).total_seconds()),
        ttft_ms=row["ttft_ms"],
        interrupted_after=text,
    )


async def _text_of(log: Log, step: str | None) -> str:
    """The words that a reader of the stream has now."""
    shown, after = AgentResult(), 0
    while (group := await log.read(after)) is not None:
        for _, event in sse.events(group.frames):
            if event.get("step") == step:
                shown.take(event)
        after = group.last
    return shown.text


def _last(past: Past) -> str:
    return f"{past.attempts[-1].provider}/{past.attempts[-1].model}"
