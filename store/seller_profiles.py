"""The table `seller_profiles`: every version of who sells and how leads are judged."""

from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump

FIRST = 1
"""The version that stands without a row: the profile out of the box."""


def saved(owner: str, profile: dict[str, Any], at: datetime) -> Write:
    """A new version, whichever is next."""
    return Write(
        "INSERT INTO seller_profiles (owner, version, profile, created_at)"
        " SELECT :owner, COALESCE(MAX(version), :first) + 1, :profile, :at FROM seller_profiles"
        " WHERE owner = :owner",
        {"owner": owner, "first": FIRST, "profile": dump(profile), "at": at.isoformat()},
    )


async def newest(database: Database, owner: str) -> dict[str, Any] | None:
    """`{version, profile}`, the profile as JSON text; None while there is only the first one."""
    return await database.row(
        "SELECT version, profile FROM seller_profiles WHERE owner = :owner"
        " ORDER BY version DESC LIMIT 1",
        owner=owner,
    )
