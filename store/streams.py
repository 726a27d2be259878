"""The tables `streams`, `stream_events` and `stream_tail`: the log of every stream, in groups of
events, and the view `stream_log` of both.

Groups are added to the tail, whatever their stream, and moved to where a stream's events stand
together when there are many.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store.database import Database, Write

PAGE_ROWS = 32
"""How many rows a follower that is far behind reads at once."""

GATHERED = 32
"""How many events of a stream become one row, at most but for a group that had more."""

# SQLite takes an order here since 3.44; before, it keeps the order of what it reads.
_JOINED = "frames, ''" + " ORDER BY first_id" * (sqlite3.sqlite_version_info >= (3, 44))

_GATHER = (
    "INSERT INTO stream_events (stream_id, first_id, last_id, frames)"
    f" SELECT stream_id, MIN(first_id), MAX(last_id), CAST(group_concat({_JOINED}) AS BLOB)"
    " FROM (SELECT * FROM stream_tail ORDER BY stream_id, first_id)"
    f" GROUP BY stream_id, first_id / {GATHERED}"
)


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
        "INSERT INTO stream_tail (stream_id, first_id, last_id, frames) VALUES (?, ?, ?, ?)",
        groups,
    )


def gather(connection: sqlite3.Connection) -> None:
    """Empty the tail: what it has goes where each stream's events stand. For `transact`."""
    connection.execute(_GATHER)
    connection.execute("DELETE FROM stream_tail")


async def find(database: Database, owner: str, stream_id: str) -> dict[str, Any] | None:
    """`{last, ended_at}` of a stream, None for one that `owner` does not have."""
    return await database.row(
        "SELECT ended_at, (SELECT COALESCE(MAX(last_id), 0) FROM stream_log"
        "   WHERE stream_id = :stream_id) AS last"
        " FROM streams WHERE stream_id = :stream_id AND owner = :owner",
        stream_id=stream_id,
        owner=owner,
    )


async def page(database: Database, stream_id: str, after: int) -> list[dict[str, Any]]:
    """The next rows of the log that hold events past `after`, in order."""
    return await database.rows(
        "SELECT first_id, last_id, frames FROM stream_log"
        " WHERE stream_id = :stream_id AND first_id >= ("
        "   SELECT COALESCE(MAX(first_id), 0) FROM stream_events"
        "   WHERE stream_id = :stream_id AND first_id <= :after + 1)"
        " AND last_id > :after ORDER BY first_id LIMIT :rows",
        stream_id=stream_id,
        after=after,
        rows=PAGE_ROWS,
    )


async def expired(database: Database, before: datetime, *, limit: int) -> list[str]:
    """Streams that ended before, and whose events are still there, the oldest first; not those of
    which all is in the tail."""
    rows = await database.rows(
        "SELECT stream_id FROM streams s WHERE ended_at < :before AND EXISTS"
        " (SELECT 1 FROM stream_events e WHERE e.stream_id = s.stream_id)"
        " ORDER BY ended_at LIMIT :limit",
        before=before.isoformat(),
        limit=limit,
    )
    return [row["stream_id"] for row in rows]


def removed(stream_id: str) -> Write:
    """The events of a stream go, all but those in the tail; that it was stays."""
    return Write("DELETE FROM stream_events WHERE stream_id = :stream_id", {"stream_id": stream_id})
