"""The keys that let in, in memory: who a request is, and what a signed URL lets read.

A request is looked up by its key's hash and compared in constant time. A signed URL is a capability
to read one stream: it names the key that asked for it and dies with it. The table is read again
every few seconds, off the way of any request; whoever is inside with a key that went is shown out.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from typing import NamedTuple

from api.local import is_loopback
from errors import Problem, Storage
from settings import Settings
from store import keys as table
from store.database import Database

REFRESH_S = 2.0
"""How often the table of keys is read: a revoked key is out after so long at most."""

READABLE_S = 3600
"""So long after the longest answer a signed URL still opens its stream: readers come back."""

_TAG = 8
"""So many bytes of a hash find a key; all of them are compared."""

logger = logging.getLogger("leadstream.keys")


class Caller(NamedTuple):
    """Who asks: the key that came, and whose things it may touch."""

    key_id: str
    owner: str


LOCAL = Caller("", table.NOBODY)
"""Whoever is on this machine, while no key is configured."""


class Keyring:
    """`refresh()` before its first use. `readable_s`: how long a signed URL opens its stream."""

    def __init__(self, database: Database, *, readable_s: float) -> None:
        self.first: str | None = None
        """A key that this process has made, to be shown once."""
        self._database = database
        self._readable_s = readable_s
        self._keys: dict[bytes, table.Key] = {}
        self._callers: dict[str, Caller] = {}
        self._secrets: dict[str, bytes] = {}
        self._inside: dict[str, set[asyncio.Task[object]]] = {}

    @property
    def configured(self) -> bool:
        """Whether there is a key at all: without one nobody can be told from anybody."""
        return bool(self._keys)

    async def refresh(self) -> None:
        """Read the keys again, and close what is open for those that are gone."""
        found = await table.configured(self._database)
        self._secrets = self._secrets or await table.signing_secrets(self._database)
        self._keys = {key.digest[:_TAG]: key for key in found}
        callers = {key.key_id: Caller(key.key_id, key.owner) for key in found}
        self._callers = callers
        for key_id in self._inside.keys() - callers.keys():
            for task in self._inside[key_id]:
                task.cancel()

    async def keep_fresh(self) -> None:
        """Refresh for ever. A database that cannot be read leaves the keys as they are."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Storage as problem:
                logger.warning("the keys could not be read: %s", problem)

    def caller(self, key: bytes) -> Caller | None:
        """Whose key this is; None for one that lets nobody in, after as much work."""
        digest = table.digest_of(key)
        found = self._keys.get(digest[:_TAG])
        known = hmac.compare_digest(digest, found.digest if found else bytes(len(digest)))
        return self._callers[found.key_id] if found and known else None

    def signature(self, caller: Caller, stream_id: str) -> str:
        """One opaque value with which anybody may read this stream, for a while.

        "" where no key is configured, and none is needed.
        """
        if not caller.key_id:
            return ""
        secret_id = next(reversed(self._secrets))
        until = str(int(time() + self._readable_s))
        signed = self._signed(secret_id, caller.key_id, stream_id, until)
        return ".".join((secret_id, caller.key_id, until, signed))

    def reader(self, stream_id: str, signature: str) -> Caller | None:
        """For whom `signature` lets read this stream, None where it does not or no longer."""
        parts = signature.split(".")
        secret_id, key_id, until, signed = parts if len(parts) == 4 else [""] * 4
        expected = self._signed(secret_id, key_id, stream_id, until)
        genuine = hmac.compare_digest(signed.encode(), expected.encode())
        if not genuine or secret_id not in self._secrets or int(until) < time():
            return None
        return self._callers.get(key_id)

    @contextmanager
    def visit(self, caller: Caller) -> Iterator[None]:
        """Within this the current task is inside with `caller`'s key, and cancelled if it goes."""
        task = asyncio.current_task()
        assert task is not None
        tasks = self._inside.setdefault(caller.key_id, set())
        tasks.add(task)
        try:
            yield
        finally:
            tasks.discard(task)

    def gone(self, caller: Caller) -> bool:
        """Whether its key was revoked."""
        return caller.key_id not in self._callers

    def _signed(self, secret_id: str, key_id: str, stream_id: str, until: str) -> str:
        said = "\n".join(("read", key_id, stream_id, until)).encode()
        return hmac.digest(self._secrets.get(secret_id, b"-"), said, "sha256").hex()


async def open_keyring(settings: Settings, database: Database) -> Keyring:
    """The keys as the server starts with them; a first one is made where the settings say so.

    Raises Problem where a network would be let in without any.
    """
    keys = Keyring(database, readable_s=settings.total_timeout_s + READABLE_S)
    if settings.first_key and not await table.any_ever(database):
        keys.first, row = table.minted("first")
        await database.write(row)
    await keys.refresh()
    if not (keys.configured or settings.insecure or is_loopback(settings.host)):
        raise Problem(
            f"no key is configured, so anybody could use it on {settings.host}: run "
            "`python server.py key create --name NAME`, or add --insecure."
        )
    return keys
