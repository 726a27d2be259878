"""Retention: events of streams that ended long ago are removed, a few at a time.

The execution keeps its text, its result and its cost; only the log goes, and a reader of it is told
so (410). Small batches, because a large one would hold up the writer, and with it every stream.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from errors import Storage
from store import streams
from store.database import Database

EVERY_S = 3600.0
PAUSE_S = 0.1
BATCH = 50

logger = logging.getLogger("leadstream.retention")


async def keep_for(
    database: Database,
    days: float,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Remove what is older than `days`, now and every hour. Runs until it is cancelled."""
    while True:
        try:
            removed = await remove_before(database, now() - timedelta(days=days), sleep=sleep)
        except Storage as problem:
            logger.warning("old streams were not removed: %s", problem)
        else:
            if removed:
                logger.info("removed the events of %d streams older than %g days", removed, days)
        await sleep(EVERY_S)


async def remove_before(
    database: Database,
    before: datetime,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Remove the events of all streams that ended before; return of how many."""
    removed = 0
    await database.transact(streams.gather)
    while found := await streams.expired(database, before, limit=BATCH):
        await database.write(*(streams.removed(stream_id) for stream_id in found))
        removed += len(found)
        await sleep(PAUSE_S)
    return removed
