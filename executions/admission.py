"""Admission: what is refused before anything is spent.

Places are counted, so a start that finds none is refused at once; an Idempotency-Key makes the same
start twice one execution; and what only one execution may work on has one at a time. All of it is
decided in one thread, so a reservation is a plain assignment before the first `await`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from errors import Conflict, Invalid, Overloaded
from executions.places import Places
from executions.start import Start
from store import executions as table
from store.database import Database
from streams.journal import Journal

if TYPE_CHECKING:
    from executions.running import Running


class Admission:
    """Whoever runs has one of `places`; `draining` closes them all."""

    def __init__(self, database: Database, journal: Journal, places: Places) -> None:
        self.draining = False
        self._database = database
        self._journal = journal
        self._places = places
        self._holders: dict[tuple[str, str | None], Running] = {}
        # Weak: a lock is there as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def enter(self, client: str) -> None:
        """Take a place, or say at once that none is free.

        Raises Overloaded, QuotaExceeded or Storage.
        """
        if self.draining:
            raise Overloaded("The server is shutting down; ask the next one.", retry_after_s=5)
        if self._journal.stalled is not None:
            raise self._journal.stalled
        self._places.take(client)

    def leave(self, execution: "Running | None", client: str) -> None:
        """It has ended, or never began: its place and what it held are free."""
        self._places.leave(client)
        if execution is not None and self._holders.get(_held(execution)) is execution:
            del self._holders[_held(execution)]

    def take_over(self, execution: "Running") -> None:
        """A recovered execution has its place whatever the limit says."""
        self._places.take(execution.client, whatever=True)
        if execution.exclusive is not None:
            self._holders[_held(execution)] = execution

    @asynccontextmanager
    async def floor(self, execution: "Running", *, stop: bool) -> AsyncIterator[None]:
        """What `execution` works on alone is its own; within this it is begun.

        While another holds it, that one is stopped (`stop`), or Conflict names its stream. One
        that has it and has not begun yet is waited for.
        """
        if execution.exclusive is None:
            yield
            return
        async with self._lock(f"floor {execution.log.owner} {execution.exclusive}"):
            await self._hold(execution, stop=stop)
            yield

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _hold(self, execution: "Running", *, stop: bool) -> None:
        while (holder := self._holders.get(_held(execution))) is not None:
            if not stop:
                raise Conflict(
                    f"{execution.exclusive} is being answered in stream {holder.stream_id}: "
                    "wait for its end, stop it, or send if_busy: stop.",
                    code="conversation_busy",
                    stream_id=holder.stream_id,
                )
            await holder.stop("superseded")
        self._holders[_held(execution)] = execution

    @asynccontextmanager
    async def keyed(self, start: Start) -> AsyncIterator[str | None]:
        """What this key has started before, by its id; None for a new one.

        Starts with one key wait for each other. Raises Invalid when the body is another one.
        """
        if start.key is None:
            yield None
            return
        async with self._lock(f"key {start.owner} {start.key}"):
            yield await self._started_by(start.owner, start.key, start.fingerprint())

    async def _started_by(self, owner: str, key: str, fingerprint: str) -> str | None:
        row = await table.of_key(self._database, owner, key)
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise Invalid(
                "This Idempotency-Key was used with another body: use a new key for a new start.",
                code="idempotency_key_reused",
            )
        return str(row["started"])


def _held(execution: "Running") -> tuple[str, str | None]:
    """What it works on alone: nobody else's of the same name."""
    return execution.log.owner, execution.exclusive
