"""The server's lock: one server to a database. The kernel frees it however the process dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import Storage


@contextmanager
def server_lock(database: Path) -> Iterator[None]:
    """Hold `<database>.lock`. Raises Storage when another server holds it."""
    path = database.with_name(database.name + ".lock")
    try:
        file = path.open("w")
    except OSError as error:
        raise Storage(f"The database {database} cannot be used: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Storage(
                f"Another Leadstream serves {database}: stop it, or set LEADSTREAM_DATABASE_URL."
            ) from None
        yield
