"""Backups: a copy of the database while the server writes, and the way back.

A backup is read beside the server, through a connection that cannot write. Restoring wants the
server's lock: nobody may be writing.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from errors import BadRequest, Storage
from store.beside import reading
from store.lock import server_lock

PAGES_AT_ONCE = 1000

Progress = Callable[[int, int], None]
"""`progress(done, total)` in pages."""


def back_up(database: Path, to: Path, progress: Progress = lambda done, total: None) -> None:
    """Copy `database` to the new file `to`, consistent as of one instant. Raises a Problem."""
    if to.exists():
        raise BadRequest(f"{to} exists; a backup never overwrites one. Name another file.")
    part = to.with_name(to.name + ".part")
    try:
        with reading(database) as source, closing(sqlite3.connect(part)) as target:
            source.backup(
                target,
                pages=PAGES_AT_ONCE,
                progress=lambda status, left, total: progress(total - left, total),
            )
            target.execute("PRAGMA journal_mode=DELETE")
        _check(part)
        _flush(part)
        part.rename(to)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise Storage(f"The backup could not be written: {error}.") from error


def restore(backup: Path, database: Path) -> None:
    """Put `backup` in the place of `database`; the old one is kept beside it as `*.before`."""
    if not backup.exists():
        raise BadRequest(f"There is no backup {backup}.")
    with server_lock(database):
        try:
            _check(backup)
            part = database.with_name(database.name + ".part")
            shutil.copyfile(backup, part)
            _flush(part)
            _set_aside(database)
            part.rename(database)
        except (sqlite3.Error, OSError) as error:
            raise Storage(f"The backup could not be restored: {error}.") from error


def _set_aside(database: Path) -> None:
    """The old file with all that belongs to it: a stray WAL would be read into the new one."""
    if not database.exists():
        return
    for suffix in ("", "-wal", "-shm"):
        old = database.with_name(database.name + suffix)
        kept = database.with_name(f"{database.name}.before{suffix}")
        if old.exists():
            old.rename(kept)
        else:
            kept.unlink(missing_ok=True)  # an earlier one's would be read into this one


def _check(path: Path) -> None:
    with reading(path) as connection:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Storage(f"{path} is damaged: {verdict}.")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
