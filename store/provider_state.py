"""The table `provider_state`: what the router has learnt of its candidates, over restarts."""

from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load


def saved(name: str, state: dict[str, Any], at: datetime) -> Write:
    return Write(
        "INSERT INTO provider_state (name, state, updated_at) VALUES (:name, :state, :at)"
        " ON CONFLICT (name) DO UPDATE SET"
        " state = excluded.state, updated_at = excluded.updated_at",
        {"name": name, "state": dump(state), "at": at.isoformat()},
    )


async def load_all(database: Database) -> dict[str, dict[str, Any]]:
    """The last state of each, by name."""
    rows = await database.rows("SELECT name, state FROM provider_state")
    return {row["name"]: load(row["state"]) for row in rows}
