"""The tables `enrichment_cache` and `enrichment_results`: what sources said, what came of it."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load

RESULTS_READ = 20
"""Of so many enrichments of a lead, the newest, are the facts that are known of it."""

_CACHED = "SELECT key, answer, callback_id, credits, execution_id, expires_at FROM enrichment_cache"


def kept(row: Mapping[str, Any]) -> Write:
    """An answer in the place of an older one; `row` has all columns, `answer` as a dict or None."""
    return Write(
        "INSERT OR REPLACE INTO enrichment_cache (owner, source, key, answer, callback_id, credits,"
        " execution_id, expires_at) VALUES (:owner, :source, :key, :answer, :callback_id, :credits,"
        " :execution_id, :expires_at)",
        {**row, "answer": dump(row["answer"])},
    )


async def cached(database: Database, owner: str, source: str, key: str) -> dict[str, Any] | None:
    """The row of an answer, however old; None where there is none."""
    row = await database.row(
        f"{_CACHED} WHERE owner = :owner AND source = :source AND key = :key",
        owner=owner,
        source=source,
        key=key,
    )
    return row and row | {"answer": load(row["answer"])}


async def awaited(database: Database, callback_id: str) -> dict[str, Any] | None:
    """The row that a callback is about, None for an unknown one."""
    row = await database.row(f"{_CACHED} WHERE callback_id = :id", id=callback_id)
    return row and row | {"answer": load(row["answer"])}


def answered(
    callback_id: str, answer: Mapping[str, Any], expires_at: str
) -> Callable[[sqlite3.Connection], None]:
    """A transaction: an answer has come late, for the cache and for the results that wait. The
    first one under an id is the one that counts."""

    def work(connection: sqlite3.Connection) -> None:
        values = {"id": callback_id, "answer": dump(answer), "expires_at": expires_at}
        first = connection.execute(
            "UPDATE enrichment_cache SET answer = :answer, expires_at = :expires_at"
            " WHERE callback_id = :id AND answer IS NULL",
            values,
        )
        if first.rowcount:
            connection.execute(
                "UPDATE enrichment_results SET late = :answer, status = 'partial'"
                " WHERE awaited = :id",
                values,
            )

    return work


def found(
    execution_id: str, result: Mapping[str, Any], callback_id: str | None, at: datetime
) -> Write:
    """The result of an execution, for the lead that its row names.

    What it awaits may have come since it ended: then nobody else would put it here.
    """
    return Write(
        "INSERT INTO enrichment_results (execution_id, lead_id, status, fields, credits_spent,"
        " awaited, late, result, created_at)"
        " SELECT execution_id, lead_id, :status, :fields, :credits_spent, :callback_id,"
        " (SELECT answer FROM enrichment_cache WHERE callback_id = :callback_id), :result, :at"
        " FROM agent_executions WHERE execution_id = :execution_id",
        {
            "execution_id": execution_id,
            "status": result["status"],
            "fields": dump(result["fields"]),
            "credits_spent": result["credits_spent"],
            "callback_id": callback_id,
            "result": dump(result),
            "at": at.isoformat(),
        },
    )


async def learnt(database: Database, owner: str, lead_id: str) -> dict[str, Any]:
    """The fields that enrichments of a lead have found, of each the newest."""
    rows = await database.rows(
        "SELECT r.fields, r.late FROM enrichment_results r"
        " JOIN agent_executions e ON e.execution_id = r.execution_id AND e.owner = :owner"
        " WHERE r.lead_id = :lead_id ORDER BY r.created_at DESC, r.execution_id LIMIT :most",
        owner=owner,
        lead_id=lead_id,
        most=RESULTS_READ,
    )
    fields: dict[str, Any] = {}
    for row in reversed(rows):
        fields |= (load(row["late"]) or {}) | load(row["fields"])
    return fields
