"""Admission: what is refused before anything is spent.

Places are counted, so a start that finds none is refused at once; an Idempotency-Key makes the same
start twice one execution; and what only one execution may work on has one at a time. All of it is
decided in one thread, so a reservation is a plain assignment before the first `await`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from errors import Conflict, Invalid, Overloaded
from executions.start import Start
from store import executions as table
from store.database import Database
from streams.journal import Journal

if TYPE_CHECKING:
    from executions.execution import Execution


class Admission:
    """`max_streams` places; `draining` closes them all."""

    def __init__(self, database: Database, journal: Journal, *, max_streams: int) -> None:
        self.draining = False
        self._database = database
        self._journal = journal
        self._max_streams = max_streams
        self._taken = 0
        self._holders: dict[str, Execution] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def enter(self) -> None:
        """Take a place, or say at once that none is free. Raises Overloaded or Storage."""
        if self.draining:
            raise Overloaded("The server is shutting down; ask the next one.", retry_after_s=5)
        if self._journal.stalled is not None:
            raise self._journal.stalled
        if self._taken >= self._max_streams:
            raise Overloaded(
                f"All {self._max_streams} places are taken; try again soon.", retry_after_s=2
            )
        self._taken += 1

    def leave(self, execution: "Execution | None") -> None:
        """It has ended, or never began: its place and what it held are free."""
        self._taken -= 1
        self._holders = {n: e for n, e in self._holders.items() if e is not execution}

    def take_over(self, execution: "Execution") -> None:
        """A recovered execution has its place whatever the limit says."""
        self._taken += 1
        if execution.exclusive is not None:
            self._holders[execution.exclusive] = execution

    async def hold(self, execution: "Execution", *, stop: bool) -> None:
        """Reserve what `execution` works on alone.

        While another holds it, that one is stopped (`stop`), or Conflict names its stream.
        """
        if execution.exclusive is None:
            return
        while (holder := self._holders.get(execution.exclusive)) is not None:
            if not stop:
                raise Conflict(
                    f"{execution.exclusive} is being answered in stream {holder.stream_id}: "
                    "wait for its end, stop it, or send if_busy: stop.",
                    code="conversation_busy",
                    stream_id=holder.stream_id,
                )
            await holder.stop("superseded")
        self._holders[execution.exclusive] = execution

    @asynccontextmanager
    async def keyed(self, start: Start) -> AsyncIterator[str | None]:
        """The execution that this key has started before, None for a new one.

        Starts with one key wait for each other. Raises Invalid when the body is another one.
        """
        if start.key is None:
            yield None
            return
        lock = self._locks.setdefault(start.key, asyncio.Lock())
        try:
            async with lock:
                yield await self._started_by(start.key, start.fingerprint())
        finally:
            if not lock.locked():
                self._locks.pop(start.key, None)

    async def _started_by(self, key: str, fingerprint: str) -> str | None:
        row = await table.of_key(self._database, key)
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise Invalid(
                "This Idempotency-Key was used with another body: use a new key for a new start.",
                code="idempotency_key_reused",
            )
        return str(row["execution_id"])
