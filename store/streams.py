"""The tables `streams` and `stream_events`: the log of every stream, in groups of events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store.database import Database, Write

PAGE_ROWS = 64
"""How many rows a follower that is far behind reads at once."""


def created(stream_id: str, owner: str, at: datetime) -> Write:
    return Write(
        "INSERT INTO streams (stream_id, owner, created_at) VALUES (:stream_id, :owner, :at)",
        {"stream_id": stream_id, "owner": owner, "at": at.isoformat()},
    )


def ended(stream_id: str, at: datetime) -> Write:
    return Write(
        "UPDATE streams SET ended_at = :at WHERE stream_id = :stream_id",
        {"stream_id": stream_id, "at": at.isoformat()},
    )


def events(groups: Sequence[tuple[str, int, int, bytes]]) -> Write:
    """Rows of `stream_id, first_id, last_id, frames`, the bytes as they are sent."""
    return Write(
        "INSERT INTO stream_events (stream_id, first_id, last_id, frames) VALUES (?, ?, ?, ?)",
        groups,
    )


async def find(database: Database, owner: str, stream_id: str) -> dict[str, Any] | None:
    """`{last, ended_at}` of a stream, None for one that `owner` does not have."""
    return await database.row(
        "SELECT s.ended_at, COALESCE(MAX(e.last_id), 0) AS last"
        " FROM streams s LEFT JOIN stream_events e ON e.stream_id = s.stream_id"
        " WHERE s.stream_id = :stream_id AND s.owner = :owner GROUP BY s.stream_id, s.ended_at",
        stream_id=stream_id,
        owner=owner,
    )


async def page(database: Database, stream_id: str, after: int) -> list[dict[str, Any]]:
    """The next rows of the log that hold events past `after`, in order."""
    return await database.rows(
        "SELECT first_id, last_id, frames FROM stream_events"
        " WHERE stream_id = :stream_id AND first_id >= ("
        "   SELECT COALESCE(MAX(first_id), 0) FROM stream_events"
        "   WHERE stream_id = :stream_id AND first_id <= :next)"
        " ORDER BY first_id LIMIT :rows",
        stream_id=stream_id,
        next=after + 1,
        rows=PAGE_ROWS,
    )


async def expired(database: Database, before: datetime, *, limit: int) -> list[str]:
    """Streams that ended before, and whose events are still there, the oldest first."""
    rows = await database.rows(
        "SELECT stream_id FROM streams s WHERE ended_at < :before AND EXISTS"
        " (SELECT 1 FROM stream_events e WHERE e.stream_id = s.stream_id)"
        " ORDER BY ended_at LIMIT :limit",
        before=before.isoformat(),
        limit=limit,
    )
    return [row["stream_id"] for row in rows]


def removed(stream_id: str) -> Write:
    """The events of a stream go; that it was stays."""
    return Write("DELETE FROM stream_events WHERE stream_id = :stream_id", {"stream_id": stream_id})
