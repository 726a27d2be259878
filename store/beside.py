"""Commands open the same file beside a running server, and never checkpoint it.

Two connections that checkpoint may damage the file (SQLite before 3.51.3), and the last one to
leave always does. So a command that reads opens the file read-only; one that writes has no
checkpoints of its own, writes short transactions, and leaves before a reader that cannot
checkpoint either. With or without a server it is the same.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from errors import BadRequest
from store.database import BUSY_S, connect, disk_faults
from store.migrations import migrate


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can only read. Raises BadRequest where there is no database."""
    if not database.exists():
        raise BadRequest(f"There is no database {database}: set LEADSTREAM_DATABASE_URL.")
    address = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as connection:
        connection.execute("PRAGMA query_only=ON")
        yield connection


@contextmanager
def writing(database: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: committed at the end of the block, undone where it raises.

    A file that is not there yet is made. Raises Storage when the disk will not have it.
    """
    with writer(database) as connection, transaction(connection):
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """The same as one of several on a connection: keep each short, and leave time between them."""
    with disk_faults():
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            yield


@contextmanager
def writer(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection for several transactions. Raises Storage for a file that cannot be used."""
    with disk_faults(), ExitStack() as stack:
        connection = connect(database)
        leave = stack.enter_context(closing(connection)).close
        connection.execute("PRAGMA wal_autocheckpoint=0")
        migrate(connection)
        last = stack.enter_context(reading(database))
        last.execute("SELECT 1 FROM sqlite_schema").fetchone()  # only now is the file open
        stack.callback(leave)
        yield connection
