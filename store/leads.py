"""The table `leads`: who is sold to. Every query of it is here.

Whoever comes without an id and with an e-mail that is known is that lead: gaps are filled, and what
is known stays. Looking it up and writing it are one transaction, so that two imports at once do not
make two of one. All of it is asked for an owner: another one's leads are not there.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from store import ids, suppression
from store.database import Database, Write
from store.jsons import dump, load
from store.suppression import normalised

Fields = dict[str, Any]

_EMPTY: tuple[Any, ...] = (None, "", [], {})


class Kept(NamedTuple):
    """What became of a lead that came in. `conflicts`: `{field, kept, came}` where it differed."""

    lead_id: str | None
    outcome: Literal["created", "updated", "refused"]
    conflicts: Sequence[Fields] = ()


def saved(owner: str, lead_id: str, lead: Fields, at: datetime) -> Write:
    """Create the lead, or put these fields in place of the ones it had."""
    return Write(
        "INSERT INTO leads (owner, lead_id, email, lead, search, created_at, updated_at)"
        " VALUES (:owner, :lead_id, :email, :lead, :search, :at, :at)"
        " ON CONFLICT (owner, lead_id) DO UPDATE SET email = excluded.email,"
        " lead = excluded.lead, search = excluded.search, updated_at = excluded.updated_at",
        {
            "owner": owner,
            "lead_id": lead_id,
            "email": normalised(lead.get("email")),
            "lead": dump(lead),
            "search": _searched(lead),
            "at": at.isoformat(),
        },
    )


def removed(owner: str, lead_id: str) -> Write:
    return Write(
        "DELETE FROM leads WHERE owner = :owner AND lead_id = :lead_id",
        {"owner": owner, "lead_id": lead_id},
    )


async def find(database: Database, owner: str, lead_id: str) -> Fields | None:
    """The lead's fields, None for an unknown one."""
    row = await row_of(database, owner, lead_id)
    return row and load(row["lead"])


async def row_of(database: Database, owner: str, lead_id: str) -> dict[str, Any] | None:
    """`{lead_id, lead, created_at, updated_at}`, the lead as JSON; None for an unknown one."""
    return await database.row(
        "SELECT lead_id, lead, created_at, updated_at FROM leads"
        " WHERE owner = :owner AND lead_id = :id",
        owner=owner,
        id=lead_id,
    )


async def with_email(database: Database, owner: str, email: str) -> str | None:
    """The id of the oldest lead with this address."""
    row = await database.row(_WITH_EMAIL, owner=owner, email=normalised(email))
    return None if row is None else str(row["lead_id"])


async def listed(
    database: Database, owner: str, *, limit: int, before: tuple[str, str] | None, q: str = ""
) -> list[dict[str, Any]]:
    """The newest first, `before` a `(created_at, lead_id)`; `q` is a part of a name, a company, an
    e-mail or a domain."""
    conditions = ["owner = :owner"]
    values: dict[str, Any] = {"owner": owner, "limit": limit}
    if before is not None:
        conditions.append("(created_at, lead_id) < (:at, :lead_id)")
        values |= {"at": before[0], "lead_id": before[1]}
    if q:
        conditions.append("instr(search, :q) > 0")
        values["q"] = q.casefold()
    return await database.rows(
        f"SELECT lead_id, lead, created_at, updated_at FROM leads WHERE {' AND '.join(conditions)}"
        " ORDER BY created_at DESC, lead_id DESC LIMIT :limit",
        **values,
    )


def changed(
    owner: str, lead_id: str, changes: Fields, at: datetime
) -> Callable[[sqlite3.Connection], bool]:
    """A transaction: these fields take the place of what is known. False for an unknown lead;
    raises Conflict `opted_out` for an address that is suppressed."""

    def work(connection: sqlite3.Connection) -> bool:
        if suppression.among(connection, owner)(changes.get("email")):
            raise suppression.refusal()
        known = _by_id(connection, owner, lead_id)
        if known is not None:
            connection.execute(*saved(owner, lead_id, known | changes, at))
        return known is not None

    return work


def the_first(
    owner: str,
    keep: Callable[[sqlite3.Connection], list[Kept]],
) -> Callable[[sqlite3.Connection], list[Kept] | None]:
    """A transaction: `keep`, while there is no lead yet. None where there is one."""

    def work(connection: sqlite3.Connection) -> list[Kept] | None:
        some = "SELECT 1 FROM leads WHERE owner = ? LIMIT 1"
        if connection.execute(some, (owner,)).fetchone():
            return None
        return keep(connection)

    return work


class Keeping:
    """Takes leads in, a batch a transaction: `database.transact(keeping.batch(leads))`.

    A lead's `id` may be given: then its fields take the place of what is known of it. `dry` writes
    nothing, and remembers what it would have written, so that it counts what would have happened.
    """

    def __init__(
        self,
        owner: str,
        *,
        dry: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._owner = owner
        self._dry = dry
        self._now = now
        self._planned: dict[str, Fields] = {}
        self._planned_ids: dict[str, str] = {}

    def batch(self, leads: Iterable[Fields]) -> Callable[[sqlite3.Connection], list[Kept]]:
        def work(connection: sqlite3.Connection) -> list[Kept]:
            suppressed = suppression.among(connection, self._owner)
            return [
                Kept(None, "refused")
                if suppressed(lead.get("email"))
                else self._keep(connection, lead, self._now() + timedelta(microseconds=nth))
                for nth, lead in enumerate(leads)
            ]

        return work

    def _keep(self, connection: sqlite3.Connection, lead: Fields, at: datetime) -> Kept:
        came = {name: value for name, value in lead.items() if name != "id"}
        lead_id, known = self._known(connection, lead)
        if known is None:
            kept, fields = Kept(lead_id, "created"), came
        elif lead.get("id") is not None:
            kept, fields = Kept(lead_id, "updated"), known | came
        else:
            fields, conflicts = merged(known, came)
            kept = Kept(lead_id, "updated", conflicts)
        if fields != known:
            self._save(connection, lead_id, fields, at)
        return kept

    def _known(self, connection: sqlite3.Connection, lead: Fields) -> tuple[str, Fields | None]:
        """Whose fields these are, and what is known of them; None for nothing."""
        lead_id, email = lead.get("id"), normalised(lead.get("email"))
        if lead_id is None and email is not None:
            lead_id = self._planned_ids.get(email) or _id_with_email(connection, self._owner, email)
        if lead_id is None:
            return ids.new("ld"), None
        return lead_id, self._planned.get(lead_id) or _by_id(connection, self._owner, lead_id)

    def _save(
        self, connection: sqlite3.Connection, lead_id: str, fields: Fields, at: datetime
    ) -> None:
        if not self._dry:
            connection.execute(*saved(self._owner, lead_id, fields, at))
            return
        self._planned[lead_id] = fields
        if (email := normalised(fields.get("email"))) is not None:
            self._planned_ids.setdefault(email, lead_id)


def merged(known: Fields, came: Fields) -> tuple[Fields, list[Fields]]:
    """`known` with its gaps filled. What differs stays as it was, and is listed; but an objection
    counts whenever it comes."""
    fields, conflicts = dict(known), []
    for name, value in came.items():
        had = known.get(name)
        if value in _EMPTY or had == value:
            continue
        if name == "email" and normalised(had) == normalised(value):
            continue
        if had in _EMPTY or (name == "opted_out" and value):
            fields[name] = value
        else:
            conflicts.append({"field": name, "kept": had, "came": value})
    return fields, conflicts


_WITH_EMAIL = (
    "SELECT lead_id FROM leads WHERE owner = :owner AND email = :email"
    " ORDER BY created_at, lead_id LIMIT 1"
)


def _id_with_email(connection: sqlite3.Connection, owner: str, email: str) -> str | None:
    row = connection.execute(_WITH_EMAIL, {"owner": owner, "email": email}).fetchone()
    return None if row is None else str(row[0])


def _by_id(connection: sqlite3.Connection, owner: str, lead_id: str) -> Fields | None:
    row = connection.execute(
        "SELECT lead FROM leads WHERE owner = ? AND lead_id = ?", (owner, lead_id)
    ).fetchone()
    found: Fields | None = row and load(row[0])
    return found


def _searched(lead: Fields) -> str:
    name = f"{lead.get('first_name') or ''} {lead.get('last_name') or ''}"
    rest = (lead.get(field) or "" for field in ("company_name", "email", "domain"))
    return "\n".join((name, *rest)).casefold()
