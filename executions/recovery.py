"""Recovery: what the last process left open is taken up again, in view of whoever reads it.

Each open stream gets its log back before the server listens, so a follower may connect from the
first moment. Then each begins anew behind one `reset`, or ends as `error` `interrupted` once that
happened too often. The Receipt goes on: the interrupted attempt stands in it with its cost, marked
as estimated, because the vendor's own count died with the process.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.base import AgentResult
from errors import Interrupted
from executions.execution import Execution
from executions.executions import Executions
from routing.receipt import Attempt, Past
from store import executions as table
from streams import sse
from streams.log import Log

logger = logging.getLogger("leadstream.recovery")


async def recover(executions: Executions, *, attempts: int) -> int:
    """Take up every open execution; return how many. `attempts` bounds how often for each."""
    rows = await table.unfinished(executions.database)
    for row in rows:
        execution = executions.revive(row, _past(row))
        await _account(execution)
        if row["recoveries"] >= attempts or row["options"]["start"].get("on_failure") == "fail":
            _give_up(executions, execution)
            continue
        if row["last"] > 1:
            execution.take(
                {"type": "reset", "reason": "recovered", "provider": _provider(execution)},
                table.recovered(execution.execution_id),
            )
        executions.begin(execution)
    if rows:
        logger.info("recovered %d streams that the last process left open", len(rows))
    return len(rows)


def _past(row: dict[str, Any]) -> Past:
    started = datetime.fromisoformat(row["created_at"])
    return Past(
        attempts=msgspec.convert(row["attempts"], list[Attempt]),
        elapsed_s=max(0.0, (datetime.now(UTC) - started).total_seconds()),
        ttft_ms=row["ttft_ms"],
    )


async def _account(execution: Execution) -> None:
    """What the last attempt had shown is what it is billed for, as an estimate."""
    text = await _text_of(execution.log)
    execution.result.take({"type": "token", "content": text})
    execution.receipt.interrupt(text)


async def _text_of(log: Log) -> str:
    """The words that a reader of the stream has now."""
    seen, after = AgentResult(), 0
    while (group := await log.read(after)) is not None:
        for _, event in sse.events(group.frames):
            seen.take(event)
        after = group.last
    return seen.text


def _give_up(executions: Executions, execution: Execution) -> None:
    execution.fail(Interrupted("The server was interrupted while it wrote this answer."))
    executions.admission.leave(execution)


def _provider(execution: Execution) -> str | None:
    attempts = execution.receipt.attempts
    return attempts[-1].provider if attempts else None
