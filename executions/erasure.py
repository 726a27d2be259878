"""Erasure: a person's streams stop, every row about the person goes, and so does what the file
still held of it.

SQLite marks what is removed as free and leaves copies of rows it has moved, so the file is written
anew. Meanwhile no stream can commit: an erasure is rare, and has to be true.
"""

import logging
from datetime import UTC, datetime
from typing import NamedTuple

from errors import Storage
from executions.executions import Executions
from store import person
from store.person import Person

ROUNDS = 3
"""How often it looks again: a start may have been on its way to the disk."""


logger = logging.getLogger("leadstream.erasure")


class Erased(NamedTuple):
    """`file_rewritten`: nothing is left in the file either; if not, the next erasure sees to it."""

    person: Person
    file_rewritten: bool


async def erase(executions: Executions, owner: str, lead_id: str) -> Erased | None:
    """Erase whoever that lead is; None where nothing is stored of it. Raises Storage."""
    erased = None
    for _ in range(ROUNDS):
        found = await person.find(executions.database, owner, lead_id)
        if found is None:
            break
        erased = erased or found
        for stream_id in found.streams:
            if stream_id in executions.running:
                await executions.stop(owner, stream_id)
        await executions.database.transact(person.erased(found, datetime.now(UTC)))
        for stream_id in found.streams:
            executions.journal.forget(stream_id)
    return erased and Erased(erased, await _rewritten(executions))


async def _rewritten(executions: Executions) -> bool:
    try:
        done = await executions.database.rewrite()
    except Storage as problem:
        logger.error("after an erasure the file could not be written anew: %s", problem)
        return False
    if not done:
        logger.error("after an erasure the WAL could not be emptied: somebody reads on and on")
    return done
