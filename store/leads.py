"""The table `leads`: who is sold to."""

from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load


def saved(lead_id: str, lead: dict[str, Any], at: datetime) -> Write:
    """Create the lead, or put these fields in place of the ones it had."""
    return Write(
        "INSERT INTO leads (lead_id, email, lead, created_at, updated_at)"
        " VALUES (:lead_id, :email, :lead, :at, :at)"
        " ON CONFLICT (lead_id) DO UPDATE SET"
        " email = excluded.email, lead = excluded.lead, updated_at = excluded.updated_at",
        {
            "lead_id": lead_id,
            "email": normalised(lead.get("email")),
            "lead": dump(lead),
            "at": at.isoformat(),
        },
    )


async def find(database: Database, lead_id: str) -> dict[str, Any] | None:
    """The lead's fields, None for an unknown one."""
    row = await database.row("SELECT lead FROM leads WHERE lead_id = :id", id=lead_id)
    return row and load(row["lead"])


async def with_email(database: Database, email: str) -> str | None:
    """The id of the oldest lead with this address."""
    row = await database.row(
        "SELECT lead_id FROM leads WHERE email = :email ORDER BY created_at LIMIT 1",
        email=normalised(email),
    )
    return None if row is None else str(row["lead_id"])


def normalised(email: str | None) -> str | None:
    return email.strip().casefold() if email else None
