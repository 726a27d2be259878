"""The tables `agent_executions` and `idempotency_keys`: what was started, how it went, its cost."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load, load_decimals

COLUMNS = (
    "execution_id, stream_id, owner, agent_type, lead_id, status, input, options, text, result,"
    " error, provider, model, input_tokens, output_tokens, total_cost_usd, latency_ms, ttft_ms,"
    " attempts, metadata, route, recoveries, created_at, ended_at"
)


def created(execution: dict[str, Any], at: datetime) -> Write:
    """`execution`: `{execution_id, stream_id, owner, agent_type, lead_id, input, options}`."""
    return Write(
        "INSERT INTO agent_executions"
        " (execution_id, stream_id, owner, agent_type, lead_id, status, input, options, created_at)"
        " VALUES (:execution_id, :stream_id, :owner, :agent_type, :lead_id, 'pending', :input,"
        " :options, :at)",
        {
            **execution,
            "input": dump(execution["input"]),
            "options": dump(execution["options"]),
            "at": at.isoformat(),
        },
    )


def keyed(owner: str, key: str, fingerprint: str, execution_id: str, at: datetime) -> Write:
    """An Idempotency-Key, with the fingerprint of the body that it came with."""
    return Write(
        "INSERT INTO idempotency_keys (owner, key, fingerprint, execution_id, created_at)"
        " VALUES (:owner, :key, :fingerprint, :execution_id, :at)",
        {
            "owner": owner,
            "key": key,
            "fingerprint": fingerprint,
            "execution_id": execution_id,
            "at": at.isoformat(),
        },
    )


def progressed(
    execution_id: str,
    attempts: list[dict[str, Any]],
    ttft_ms: int | None,
    route: dict[str, Any] | None,
) -> Write:
    """It runs, these attempts have been made so far, and this was the last decision: what
    recovery starts from."""
    return Write(
        "UPDATE agent_executions SET status = 'running', attempts = :attempts, ttft_ms = :ttft_ms,"
        " route = COALESCE(:route, route) WHERE execution_id = :execution_id",
        {
            "execution_id": execution_id,
            "attempts": dump(attempts),
            "ttft_ms": ttft_ms,
            "route": dump(route),
        },
    )


def recovered(execution_id: str) -> Write:
    """A new process takes it up again."""
    return Write(
        "UPDATE agent_executions SET recoveries = recoveries + 1"
        " WHERE execution_id = :execution_id",
        {"execution_id": execution_id},
    )


def ended(execution_id: str, outcome: dict[str, Any], at: datetime) -> Write:
    """The end. `outcome`: `{status, text, result, error, metadata}`, as the terminal event has."""
    metadata = outcome["metadata"]
    cost = metadata["total_cost_usd"]
    return Write(
        "UPDATE agent_executions SET status = :status, text = :text, result = :result,"
        " error = :error, provider = :provider, model = :model, input_tokens = :input_tokens,"
        " output_tokens = :output_tokens, total_cost_usd = :cost, latency_ms = :latency_ms,"
        " ttft_ms = :ttft_ms, attempts = :attempts, metadata = :metadata, ended_at = :at"
        " WHERE execution_id = :execution_id",
        {
            "execution_id": execution_id,
            "status": outcome["status"],
            "text": outcome["text"],
            "result": dump(outcome["result"]),
            "error": dump(outcome["error"]),
            "provider": metadata["provider"],
            "model": metadata["model"],
            "input_tokens": metadata["input_tokens"],
            "output_tokens": metadata["output_tokens"],
            "cost": None if cost is None else format(cost, "f"),
            "latency_ms": metadata["latency_ms"],
            "ttft_ms": metadata["ttft_ms"],
            "attempts": dump(metadata["attempts"]),
            "metadata": dump(metadata),
            "at": at.isoformat(),
        },
    )


async def find(database: Database, owner: str, execution_id: str) -> dict[str, Any] | None:
    """The execution, None for one that `owner` does not have."""
    row = await database.row(
        f"SELECT {COLUMNS} FROM agent_executions WHERE execution_id = :id AND owner = :owner",
        id=execution_id,
        owner=owner,
    )
    return row and _shown(row)


async def of_stream(database: Database, owner: str, stream_id: str) -> dict[str, Any] | None:
    """The execution behind a stream, None where `owner` does not have it."""
    row = await database.row(
        f"SELECT {COLUMNS} FROM agent_executions WHERE stream_id = :id AND owner = :owner",
        id=stream_id,
        owner=owner,
    )
    return row and _shown(row)


async def of_key(database: Database, owner: str, key: str) -> dict[str, Any] | None:
    """`{fingerprint, started}` of an Idempotency-Key that was used before: `started` is the id of
    an execution, or of a workflow."""
    return await database.row(
        "SELECT fingerprint, execution_id AS started FROM idempotency_keys"
        " WHERE owner = :owner AND key = :key UNION ALL"
        " SELECT fingerprint, workflow_id FROM workflow_state WHERE owner = :owner AND key = :key",
        owner=owner,
        key=key,
    )


async def spent_since(database: Database, day: str) -> dict[tuple[str, str], Decimal]:
    """What is known to be spent, by owner and the day on which it began; `day` as 2026-11-26."""
    rows = await database.rows(
        "SELECT owner, created_at, attempts FROM agent_executions WHERE created_at >= :day"
        " AND owner IN (SELECT owner FROM api_keys UNION SELECT '') AND ended_at IS NOT NULL",
        day=day,
    )
    spent: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        place = row["owner"], row["created_at"][:10]
        costs = [attempt["cost_usd"] for attempt in load_decimals(row["attempts"])]
        spent[place] = sum(filter(None, costs), spent.get(place, Decimal(0)))
    return spent


async def unfinished(database: Database) -> list[dict[str, Any]]:
    """What the last process left open, oldest first, each with its log's `last` number; without
    the steps of workflows, which are taken up with their workflow."""
    rows = await database.rows(
        f"SELECT {COLUMNS}, (SELECT MAX(last_id) FROM stream_events e"
        "   WHERE e.stream_id = agent_executions.stream_id) AS last"
        " FROM agent_executions WHERE status IN ('pending', 'running')"
        " AND stream_id NOT IN (SELECT workflow_id FROM workflow_state)"
        " ORDER BY created_at, execution_id"
    )
    return [_shown(row) for row in rows]


async def listed(
    database: Database,
    owner: str,
    *,
    limit: int,
    before: tuple[str, str] | None,
    status: str | None,
    lead_id: str | None,
) -> list[dict[str, Any]]:
    """The newest first, `before` a `(created_at, execution_id)`."""
    conditions = ["owner = :owner"]
    values: dict[str, Any] = {"owner": owner, "limit": limit}
    if before is not None:
        conditions.append(
            "(created_at < :at OR (created_at = :at AND execution_id < :execution_id))"
        )
        values |= {"at": before[0], "execution_id": before[1]}
    if status is not None:
        conditions.append("status = :status")
        values["status"] = status
    if lead_id is not None:
        conditions.append("lead_id = :lead_id")
        values["lead_id"] = lead_id
    rows = await database.rows(
        f"SELECT {COLUMNS} FROM agent_executions WHERE {' AND '.join(conditions)}"
        " ORDER BY created_at DESC, execution_id DESC LIMIT :limit",
        **values,
    )
    return [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its JSON columns read."""
    return row | {
        "input": load(row["input"]),
        "options": load(row["options"]),
        "result": load(row["result"]),
        "error": load(row["error"]),
        "attempts": load_decimals(row["attempts"]),
        "metadata": load_decimals(row["metadata"]),
        "route": load_decimals(row["route"]),
    }
