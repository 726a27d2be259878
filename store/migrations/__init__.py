"""The schema, as numbered SQL files that are applied in order when the server starts.

`PRAGMA user_version` is the number of the last one applied. A file that has been released is never
edited: what changes is a new file.
"""

import sqlite3
from importlib.resources import files
from importlib.resources.abc import Traversable

from errors import Storage


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step in its own transaction.

    Raises Storage for a damaged file, or one that a newer Leadstream has written.
    """
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Storage(f"The database is damaged ({verdict}). Restore a backup; it was not touched.")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    known = steps()
    if found > len(known):
        raise Storage(
            f"The database has schema {found}, this Leadstream knows {len(known)}: "
            "use the version that wrote it, or a newer one."
        )
    for number, step in enumerate(known[found:], start=found + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{step.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;"
        )


def steps() -> list[Traversable]:
    """The files, in the order of their numbers."""
    found = (file for file in files(__name__).iterdir() if file.name.endswith(".sql"))
    return sorted(found, key=lambda file: file.name)
