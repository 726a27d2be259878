"""The SQLite file: one writer for life, a few readers, whole transactions as units.

A change is a Write, a value; a transaction is a list of them, run as one function in the writer's
own thread, and so is a read: nothing awaits inside one. So cancelling whoever waits never leaves a
transaction half-way, nor a statement open, whose connection would see the database of that moment
for ever.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import aiosqlite

from errors import DiskFull, Storage
from store.migrations import migrate

Values = Mapping[str, Any]

Made = TypeVar("Made")

READERS = 3

REWRITE_TRIES = 100
REWRITE_PAUSE_S = 0.05

BUSY_S = 5.0
"""How long a connection waits for another one's lock."""

_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}
"""What the disk says. Anything else that SQLite raises is a mistake of ours and stays one."""


class Write(NamedTuple):
    """A change to rows as a value: SQL with `:names`, and their values (a list: one row each).

    Rows that come with every token have no names, but places.
    """

    sql: str
    values: Values | Sequence[Values] | Sequence[tuple[Any, ...]]


class _Worker(aiosqlite.Connection):
    """aiosqlite's connection, its thread included, taking a whole unit of work in one hop."""

    async def run(self, work: Callable[[sqlite3.Connection], Made]) -> Made:
        # Protected in aiosqlite, and the one way to run a function of ours in its thread: three
        # statements awaited one by one cost three hops, and can be cancelled between two of them.
        made: Made = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return made


class Database:
    """The store's one door. `async with Database(path)` opens, checks and migrates the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._free: asyncio.Queue[_Worker] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            try:
                self._writer = await _worker(opening, partial(_migrated, self.path))
                for _ in range(READERS):
                    self._free.put_nowait(await _worker(opening, partial(_reading, self.path)))
            except sqlite3.Error as error:
                raise Storage(f"The database {self.path} cannot be used: {error}.") from error
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        # The stack closes in reverse: readers first, so that the writer is the last connection
        # and the only one that ever checkpoints (SQLite before 3.51.3 needs that).
        await self._open.aclose()

    async def write(self, *writes: Write) -> None:
        """Commit `writes` as one transaction. Raises Storage when the disk will not have it."""
        await self.transact(partial(_apply, writes=writes))

    async def transact(self, work: Callable[[sqlite3.Connection], Made]) -> Made:
        """Commit what `work` does as one transaction: for what has to read before it writes.

        It runs in the writer's thread and holds up every stream, so it is short. Raises Storage.
        """
        with disk_faults():
            return await self._writer.run(partial(_transact, work=work))

    async def rewrite(self) -> bool:
        """Write the file anew, so that it holds nothing that was removed. Raises Storage.

        Every write waits for it, seconds for hundreds of megabytes. False where somebody reads the
        old state and does not stop, so that the WAL could not be emptied.
        """
        with disk_faults():
            await self._writer.run(lambda connection: connection.execute("VACUUM"))
            for _ in range(REWRITE_TRIES):
                if await self._writer.run(_truncate):
                    return True
                await asyncio.sleep(REWRITE_PAUSE_S)
        return False

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Read: each row as a dict."""
        reader = await self._free.get()
        try:
            return await reader.run(partial(_rows, sql=sql, values=values))
        finally:
            # It may read on for somebody who was cancelled; the next one waits behind that.
            self._free.put_nowait(reader)

    async def row(self, sql: str, **values: Any) -> dict[str, Any] | None:
        """Read the first row, or None."""
        found = await self.rows(sql, **values)
        return found[0] if found else None


async def _worker(opening: AsyncExitStack, connect: Callable[[], sqlite3.Connection]) -> _Worker:
    # Opened before it has a thread of its own: aiosqlite does not wait for the end of one that
    # could not connect.
    connection = await asyncio.to_thread(connect)
    worker = _Worker(lambda: connection, iter_chunk_size=64)
    await opening.enter_async_context(worker)
    return worker


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes, each commit on the disk before anybody is told."""
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _migrated(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    try:
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write and never checkpoints."""
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


def _rows(connection: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _transact(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Made]) -> Made:
    connection.execute("BEGIN IMMEDIATE")
    try:
        made = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return made


def _truncate(connection: sqlite3.Connection) -> bool:
    """Empty the WAL; False where a reader is in the way. It does not wait: every stream would."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")
    return not busy


def _apply(connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
    for sql, values in writes:
        if isinstance(values, Mapping):
            connection.execute(sql, values)
        else:
            connection.executemany(sql, values)


@contextmanager
def disk_faults() -> Iterator[None]:
    """What the disk says of a write is told as Storage; a mistake of ours stays one."""
    try:
        yield
    except sqlite3.Error as error:
        # The code without its extension: SQLITE_IOERR_WRITE is an SQLITE_IOERR.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in _DISK:
            raise
        kind = DiskFull if code == sqlite3.SQLITE_FULL else Storage
        raise kind(f"The database does not take writes: {error}.", retry_after_s=5) from error
