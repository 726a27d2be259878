"""The tables `api_keys` and `signing_secrets`: who may come in, and what signs read URLs.

A key is shown once, when it is made; what is kept is its hash. 256 random bits need no slow hash.
The commands work beside a running server, which reads the table again every few seconds.
"""

import hashlib
import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from errors import BadRequest, NotFound
from store.beside import writing
from store.database import Database, Write

NOBODY = ""
"""The owner of what is started while no key is configured."""

SHOWN = 7
"""So many characters of a key are kept, to know it by: `ls_` and 24 bits of its 256."""


class Key(NamedTuple):
    """A configured key as the server knows it."""

    key_id: str
    owner: str
    digest: bytes


def digest_of(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def minted(name: str, owner: str | None = None) -> tuple[str, Write]:
    """A new key, and the row that lets it in. Without an `owner` it is one of its own."""
    key = f"ls_{secrets.token_urlsafe(32)}"
    key_id = f"key_{secrets.token_hex(6)}"
    return key, Write(
        "INSERT INTO api_keys (key_id, name, prefix, digest, owner, created_at)"
        " VALUES (:key_id, :name, :prefix, :digest, :owner, :at)",
        {
            "key_id": key_id,
            "name": name,
            "prefix": key[:SHOWN],
            "digest": digest_of(key.encode()).hex(),
            "owner": key_id if owner is None else owner,
            "at": _now(),
        },
    )


async def configured(database: Database) -> list[Key]:
    """Every key that is not revoked."""
    rows = await database.rows(
        "SELECT key_id, owner, digest FROM api_keys WHERE revoked_at IS NULL"
    )
    return [Key(row["key_id"], row["owner"], bytes.fromhex(row["digest"])) for row in rows]


async def any_ever(database: Database) -> bool:
    """Whether there has ever been a key, revoked or not."""
    return await database.row("SELECT 1 FROM api_keys") is not None


async def signing_secrets(database: Database) -> dict[str, bytes]:
    """By id, the newest last: that one signs."""
    rows = await database.rows("SELECT secret_id, secret FROM signing_secrets ORDER BY created_at")
    return {row["secret_id"]: row["secret"] for row in rows}


# The commands, each on a connection of its own.


def create(path: Path, name: str, *, inherit: str | None = None) -> str:
    """A new key. `inherit`: it owns what that key owns, "" for what was started without a key."""
    with writing(path) as connection:
        owner = inherit and _one(connection, inherit)["owner"]
        key, write = minted(name, owner)
        connection.execute(*write)
    return key


def listed(path: Path) -> list[dict[str, Any]]:
    """All keys, the oldest first; what is shown of them lets nobody in."""
    with writing(path) as connection:
        return _rows(connection, "ORDER BY created_at, key_id")


def revoke(path: Path, which: str) -> dict[str, Any]:
    """Let the key with this id or name in no more. Raises NotFound, or BadRequest for several."""
    with writing(path) as connection:
        found = _one(connection, which)
        connection.execute(
            "UPDATE api_keys SET revoked_at = ? WHERE key_id = ?", (_now(), found["key_id"])
        )
    return found


def owner_meant(connection: sqlite3.Connection, which: str | None) -> str:
    """Whose things a command is about: this key's, or those of the one owner that there is."""
    if which is not None:
        return str(_one(connection, which)["owner"])
    owners = {row["owner"] for row in _rows(connection, "WHERE revoked_at IS NULL")} or {NOBODY}
    if len(owners) > 1:
        raise BadRequest("Several keys own leads: say whose these are, with --key ID|NAME.")
    return str(owners.pop())


def _one(connection: sqlite3.Connection, which: str) -> dict[str, Any]:
    where = "WHERE revoked_at IS NULL AND (key_id = :which OR name = :which)"
    found = _rows(connection, where, which=which)
    if not found:
        raise NotFound(f"There is no key {which!r} that is not revoked: see `key list`.")
    if len(found) > 1:
        ids = ", ".join(row["key_id"] for row in found)
        raise BadRequest(f"Several keys are named {which!r}: say which of {ids}.")
    return found[0]


def _rows(connection: sqlite3.Connection, rest: str, **values: str) -> list[dict[str, Any]]:
    names = ("key_id", "name", "prefix", "owner", "created_at", "revoked_at")
    rows = connection.execute(f"SELECT {', '.join(names)} FROM api_keys {rest}", values)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat()
