"""The Journal: the one writer. What it has not committed, nobody has seen.

It commits what all streams appended since its last commit as one transaction, with the rows that
those events make true, and only then moves each log's durable mark. A quiet journal commits at
once, so nobody waits who is alone; one whose commits several streams share commits at most every
`interval_s`, and more seldom when many do, so that many tokens share one commit: the cost of a
token falls as load rises.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Self
from weakref import WeakValueDictionary

from errors import Gone, Problem, Storage
from store import streams
from store.database import Database, Write
from streams import sse
from streams.log import Group, Log

CROWD = 3
"""So many streams in one commit make the journal a busy one, and two make it half busy."""

FULL, MOST = 16, 2.0
"""From so many streams a commit the interval grows with them, to so many times itself."""

RETRY_S = 1.0
"""How long the Journal waits before it asks a disk again that has refused a commit."""

PATIENCE_S = 5.0
"""How long vendors go on while the disk refuses: what they write could not be shown."""

GATHER_ROWS = 2048
"""How many groups the store's tail holds before they are put where each stream's events stand."""

BESIDE_S = 1.0
"""How often rows that belong to no stream are saved, at most."""

logger = logging.getLogger("leadstream.journal")

Batch = list[tuple[Log, Group, list[Write]]]


class Journal:
    """Opens and finds logs, and commits them in groups. `async with` runs it."""

    def __init__(
        self,
        database: Database,
        *,
        interval_s: float = 0.01,
        beside: Callable[[], Sequence[Write]] = tuple,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.stalled: Storage | None = None
        """Why the disk refuses commits, while it does: start nothing."""
        self.on_stalled: Callable[[Storage], None] = lambda problem: None
        """Called when it has refused them for PATIENCE_S, and again as long as it does."""
        self.on_commit: Callable[[int, float], None] = lambda events, seconds: None
        """Called after each commit with its size and the time it took."""
        self._database = database
        self._interval_s = interval_s
        self._beside = beside
        self._beside_at = clock()
        self._clock = clock
        self._sleep = sleep
        self._logs: WeakValueDictionary[str, Log] = WeakValueDictionary()
        self._dirty: list[Log] = []
        self._work = asyncio.Event()
        self._closing = False
        self._tail_rows = 0

    async def __aenter__(self) -> Self:
        # Recovery counts what is gathered: over a tail that stayed it would number events twice.
        await self._database.transact(streams.gather)
        self._task = asyncio.create_task(self._run(), name="journal")
        return self

    async def __aexit__(self, *error: object) -> None:
        """Commit what is left, then stop. A disk that refuses is not asked again."""
        self._closing = True
        self._work.set()
        await self._task
        if (beside := self._beside()) and not self.stalled:
            await self._database.write(*beside)

    def open(self, stream_id: str, *, owner: str = "", last: int = 0) -> Log:
        """The log of a stream that is written now: a new one, or one that goes on after `last`."""
        log = Log(stream_id, self._stored, owner=owner, dirty=self._mark_dirty, last=last)
        self._logs[stream_id] = log
        return log

    async def find(self, owner: str, stream_id: str) -> Log | None:
        """The log of a stream, running or ended; None for one that `owner` does not have.

        An ended stream is in memory while somebody reads it, and no longer.
        """
        log = self._logs.get(stream_id)
        if log is not None:
            return log if log.owner == owner else None
        row = await streams.find(self._database, owner, stream_id)
        if row is None:
            return None
        if not row["last"]:
            raise Gone("This stream's events are past their retention; its execution has the text.")
        ended = row["ended_at"] is not None
        found = Log(stream_id, self._stored, owner=owner, last=row["last"], ended=ended)
        return self._logs.setdefault(stream_id, found)

    def forget(self, stream_id: str) -> None:
        """Its events were removed: whoever comes now finds what the store has, and no memory."""
        self._logs.pop(stream_id, None)

    async def settled(self, stream_id: str) -> None:
        """Return once all that was appended to a stream so far is durable."""
        if (log := self._logs.get(stream_id)) is not None:
            await log.settled()

    def _mark_dirty(self, log: Log) -> None:
        if not self._dirty:
            self._work.set()
        self._dirty.append(log)

    async def _run(self) -> None:
        next_at = self._clock()
        while not self._closing or self._dirty:
            await self._work.wait()
            self._work.clear()
            pause = next_at - self._clock()
            if pause > 0 and not self._closing:
                await self._sleep(pause)
            dirty, self._dirty = self._dirty, []
            next_at = self._clock() + self._interval_s * _busy(len(dirty))
            if dirty and not await self._commit([(log, *log.take()) for log in dirty]):
                return
            self._tail_rows += len(dirty)
            if self._tail_rows >= GATHER_ROWS:
                await self._gather()

    async def _commit(self, batch: Batch) -> bool:
        """Write `batch` until the disk has it. False when it never will: the process is closing."""
        beside = self._due_beside()
        while True:
            began = self._clock()
            try:
                await self._database.write(*_writes(batch), *beside)
            except Storage as problem:
                if self._closing:
                    return False
                await self._wait_for_disk(problem)
            except Exception:
                if not beside:
                    await self._one_by_one(batch)
                    return True
                logger.exception("what was to be saved beside the streams cannot be written")
                beside = ()
            else:
                self.stalled = None
                events = sum(group.last - group.first + 1 for _, group, _ in batch)
                self.on_commit(events, self._clock() - began)
                for log, group, _ in batch:
                    log.settle(group)
                return True

    async def _gather(self) -> None:
        """While it runs nothing depends on it: a disk that refuses is asked again, with more."""
        self._tail_rows = 0
        try:
            await self._database.transact(streams.gather)
        except Exception:
            logger.exception("the log's tail cannot be gathered")

    async def _wait_for_disk(self, problem: Storage) -> None:
        logger.error("commit refused, trying again: %s", problem)
        if self.stalled is None:
            self._stalled_at = self._clock()
        self.stalled = problem
        if self._clock() >= self._stalled_at + PATIENCE_S:
            self.on_stalled(problem)
        await self._sleep(RETRY_S)

    def _due_beside(self) -> Sequence[Write]:
        """What others want saved: with a group, at most once a second."""
        if self._clock() < self._beside_at + BESIDE_S:
            return ()
        self._beside_at = self._clock()
        return tuple(self._beside())

    async def _one_by_one(self, batch: Batch) -> None:
        """A row that can never be written must not take other streams with it."""
        for log, group, writes in batch:
            if len(batch) > 1:
                await self._commit([(log, group, writes)])
                continue
            logger.exception("stream %s: its rows cannot be written", log.stream_id)
            log.spoil(group, Problem("The answer could not be stored. Please report this."))

    async def _stored(self, stream_id: str, after: int) -> Group | None:
        rows = await streams.page(self._database, stream_id, after)
        if not rows:
            return None
        frames = sse.after(b"".join(row["frames"] for row in rows), after)
        return Group(after + 1, rows[-1]["last_id"], frames)


def _busy(streams: int) -> float:
    """How many intervals to wait behind a commit that so many streams shared."""
    if streams < FULL:
        return min(1.0, (streams - 1) / (CROWD - 1))
    return min(MOST, streams / FULL)


def _writes(batch: Batch) -> Sequence[Write]:
    """Rows first, then the events that say so: one transaction."""
    rows = [(log.stream_id, group.first, group.last, group.frames) for log, group, _ in batch]
    return [*(write for _, _, writes in batch for write in writes), streams.events(rows)]
