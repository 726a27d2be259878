"""The end of a stream whose own end cannot be written: bare, but an end in every respect.

Without the text and the agent's rows: nobody has seen all of it, and they may be at fault.
"""

from datetime import UTC, datetime
from typing import Any

from errors import Problem
from store import executions as table
from store.database import Write


def epitaph(
    execution_id: str, problem: Problem, metadata: dict[str, Any]
) -> tuple[dict[str, Any], list[Write]]:
    """The `error` event, and the rows that say the same."""
    now = datetime.now(UTC)
    event = {"type": "error", "error": problem.described(), "metadata": metadata}
    outcome = {"status": "failed", "text": None, "result": None} | event
    return event, [table.ended(execution_id, outcome, now)]
