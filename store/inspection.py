"""A look at a database from outside: its schema, and whether the file is whole."""

import sqlite3
from pathlib import Path

from errors import Storage
from store.beside import reading
from store.migrations import steps


def schema_of(database: Path) -> tuple[int, int]:
    """The number of its schema, and of the newest that is known. Raises Storage where damaged."""
    try:
        with reading(database) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            found = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise Storage(f"The database {database} cannot be read: {error}.") from error
    if verdict != "ok":
        raise Storage(f"The database {database} is damaged: {verdict}.")
    return found, len(steps())
