"""The table `suppressed`: whoever was erased does not come back.

An address is kept as a hash with its owner, under a secret of this database: enough to know it
again, too little to read it, of no use beside another database, and no owner learns of another's.
"""

import hmac
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime

from errors import Conflict
from store.database import Database

_SECRET = "SELECT secret FROM suppression_secret WHERE EXISTS (SELECT 1 FROM suppressed)"
_FOUND = "SELECT 1 FROM suppressed WHERE email_hash = :hash"

REFUSAL = "This person was erased and objects: nothing is stored or started under this address."


def normalised(email: str | None) -> str | None:
    """An address as it is compared: without blanks around it, in small letters."""
    return email.strip().casefold() if email else None


def among(connection: sqlite3.Connection, owner: str) -> Callable[[str | None], bool]:
    """`suppressed(email)`, for many within one transaction."""
    row = connection.execute(_SECRET).fetchone()
    if row is None:
        return lambda email: False

    def suppressed(email: str | None) -> bool:
        values = {"hash": _hash(row[0], owner, email)}
        return email is not None and connection.execute(_FOUND, values).fetchone() is not None

    return suppressed


async def refuse(database: Database, owner: str, email: str | None) -> None:
    """Raises Conflict `opted_out` for an address that is suppressed."""
    secret = email and await database.row(_SECRET)
    if secret and await database.row(_FOUND, hash=_hash(secret["secret"], owner, email)):
        raise refusal()


def refusal() -> Conflict:
    return Conflict(REFUSAL, code="opted_out")


def add(connection: sqlite3.Connection, owner: str, emails: Iterable[str], at: datetime) -> None:
    (secret,) = connection.execute("SELECT secret FROM suppression_secret").fetchone()
    connection.executemany(
        "INSERT INTO suppressed (email_hash, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(_hash(secret, owner, email), at.isoformat()) for email in emails],
    )


def _hash(secret: bytes, owner: str, email: str | None) -> str:
    return hmac.digest(secret, f"{owner}\0{normalised(email)}".encode(), "sha256").hex()
