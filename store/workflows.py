"""The table `workflow_state`: what was started, how far each step has come, what it has cost."""

from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load, load_decimals


def created(workflow: dict[str, Any], at: datetime) -> Write:
    """`workflow`: `{workflow_id, owner, workflow, version, lead_id, shape, asked, steps, key,
    fingerprint}`."""
    return Write(
        "INSERT INTO workflow_state (workflow_id, owner, workflow, version, lead_id, status, shape,"
        " asked, steps, key, fingerprint, created_at) VALUES (:workflow_id, :owner, :workflow,"
        " :version, :lead_id, 'pending', :shape, :asked, :steps, :key, :fingerprint, :at)",
        workflow
        | {name: dump(workflow[name]) for name in ("shape", "asked", "steps")}
        | {"at": at.isoformat()},
    )


def progressed(workflow_id: str, steps: dict[str, Any], recoveries: int) -> Write:
    """It runs, and this is how far each step has come."""
    return Write(
        "UPDATE workflow_state SET status = 'running', steps = :steps, recoveries = :recoveries"
        " WHERE workflow_id = :id",
        {"id": workflow_id, "steps": dump(steps), "recoveries": recoveries},
    )


def ended(workflow_id: str, outcome: dict[str, Any], at: datetime) -> list[Write]:
    """The end, also of steps that had none. `outcome`: `{status, steps, error, metadata}`."""
    values = {name: dump(outcome[name]) for name in ("steps", "error", "metadata")}
    values |= {"id": workflow_id, "status": outcome["status"], "at": at.isoformat()}
    return [
        Write(
            "UPDATE workflow_state SET status = :status, steps = :steps, error = :error,"
            " metadata = :metadata, ended_at = :at WHERE workflow_id = :id",
            values,
        ),
        Write(
            "UPDATE agent_executions SET status = 'failed', error = :error, ended_at = :at"
            " WHERE stream_id = :id AND status IN ('pending', 'running')",
            {name: values[name] for name in ("id", "error", "at")},
        ),
    ]


async def find(database: Database, owner: str, workflow_id: str) -> dict[str, Any] | None:
    """The state, None for a workflow that `owner` does not have."""
    row = await database.row(
        "SELECT * FROM workflow_state WHERE workflow_id = :id AND owner = :owner",
        id=workflow_id,
        owner=owner,
    )
    return row and _shown(row)


async def unfinished(database: Database) -> list[dict[str, Any]]:
    """What the last process left open, oldest first, each with its log's `last` number."""
    rows = await database.rows(
        "SELECT w.*, (SELECT MAX(last_id) FROM stream_events e"
        "   WHERE e.stream_id = w.workflow_id) AS last"
        " FROM workflow_state w WHERE status IN ('pending', 'running')"
        " ORDER BY created_at, workflow_id"
    )
    return [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    read = {name: load(row[name]) for name in ("shape", "asked", "steps", "error")}
    return row | read | {"metadata": load_decimals(row["metadata"])}
