"""A Stream's log in memory: its newest groups, its durable mark, and whoever waits for more.

An event is numbered and encoded when it is appended and seen by nobody before its group is
committed. The bytes of a group are made once: the store's row, every live follower and every replay
share them. Old groups leave memory while the stream still runs; the store has them all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from errors import Problem
from store import streams
from store.database import Write
from streams import sse

KEEP_BYTES = 16 * 1024
"""How much of a running stream stays in memory; the rest is read from the store."""

ROOM_BYTES = 1024 * 1024
"""How much a stream may hold that is not durable yet, before its writer has to wait."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """Consecutive events of one stream that are committed, stored and sent together."""

    first: int
    last: int
    frames: bytes


Stored = Callable[[str, int], Awaitable[Group | None]]
"""`stored(stream_id, after)`: a page of durable frames past `after`, None where there is none."""


Epitaph = Callable[[Problem], tuple[sse.Event, Sequence[Write]]]


def _bare(problem: Problem) -> tuple[sse.Event, Sequence[Write]]:
    return {"type": "error", "error": problem.described(), "metadata": None}, ()


class Log:
    """The events of one stream: appended by its execution, made durable by the Journal."""

    def __init__(
        self,
        stream_id: str,
        stored: Stored,
        *,
        owner: str = "",
        dirty: Callable[["Log"], None] = lambda log: None,
        last: int = 0,
        ended: bool = False,
    ) -> None:
        self.stream_id = stream_id
        self.owner = owner
        """Whoever started it; nobody else may learn that it is there."""
        self.last = last
        """The number of the newest event, durable or not."""
        self.durable = last
        """The number of the newest event that anybody may see."""
        self.ended = ended
        """A terminal event was appended: nothing follows it."""
        self.epitaph: Epitaph = _bare
        """How the stream ends when what was appended can never be written: event and rows."""
        self.followers: list[Callable[[Group], None]] = []
        """Called with each group that has become durable."""
        self.on_followers: Callable[[int], None] = lambda count: None
        self._stored = stored
        self._dirty = dirty
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._writes: list[Write] = []
        self._newest: Group | None = None
        self._older = bytearray()
        """The frames before the newest group's, from number `_kept_from` on."""
        self._kept_from = last + 1
        self._waiters: list[asyncio.Future[None]] = []

    def append(self, event: sse.Event, *writes: Write) -> int:
        """Number `event` and hand it to the Journal with the rows it makes true.

        Returns the event's number. Nobody sees it before its group is committed. Raises
        RuntimeError after a terminal event: the first one wins, whoever wrote it.
        """
        if self.ended:
            raise RuntimeError(f"stream {self.stream_id} has ended: {event.get('type')!r} is late")
        self.last += 1
        frame = sse.frame(self.last, event)
        if not self._pending:
            self._dirty(self)
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        self._writes.extend(writes)
        if event["type"] in sse.TERMINAL:
            self.ended = True
            self._writes.append(streams.ended(self.stream_id, datetime.now(UTC)))
        return self.last

    @property
    def crowded(self) -> bool:
        """The disk does not keep up: wait for `settled()` before appending more."""
        return self._pending_bytes > ROOM_BYTES

    @property
    def whole(self) -> bool:
        """The terminal event is durable: nothing will come."""
        return self.ended and self.durable == self.last

    async def settled(self) -> None:
        """Return once everything appended so far is durable, or has been replaced by an end."""
        mark = self.last
        while self.durable < mark and not self.whole:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    # The Journal's side.

    def take(self) -> tuple[Group, list[Write]]:
        """What was appended since the last `take`, as the group to be committed."""
        frames, writes = self._pending, self._writes
        self._pending, self._writes, self._pending_bytes = [], [], 0
        return Group(self.last - len(frames) + 1, self.last, b"".join(frames)), writes

    def settle(self, group: Group) -> None:
        """`group` is committed: it may be seen."""
        if self._newest is not None:
            self._older += self._newest.frames
        if len(self._older) > KEEP_BYTES:
            self._let_go()
        self._newest = group
        self.durable = group.last
        # Followers first: their readers have the words before whoever wrote them goes on.
        for told in self.followers:
            told(group)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _let_go(self) -> None:
        """Half of what is kept, at once: each event is moved but a few times."""
        kept = sse.first_in(self._older, len(self._older) // 2)
        if kept is None:
            self._older.clear()
            self._kept_from = self.durable + 1
        else:
            self._kept_from, start = kept
            del self._older[:start]

    def spoil(self, group: Group, problem: Problem) -> None:
        """`group` can never be committed: the stream ends with `problem` in its place."""
        self._pending, self._writes, self._pending_bytes = [], [], 0
        self.last, self.ended = group.first - 1, False
        event, writes = self.epitaph(problem)
        self.epitaph = _bare  # should its rows be at fault too, the next end has none
        self.append(event, *writes)

    # The Follower's side.

    async def read(self, after: int) -> Group | None:
        """The durable frames past `after`; None when there are none yet."""
        if after >= self.durable:
            return None
        return self._at_hand(after) or await self._stored(self.stream_id, after)

    def _at_hand(self, after: int) -> Group | None:
        """The frames past `after`, which is less than `durable`, if memory has them all."""
        newest = self._newest
        if newest is None or newest.first == after + 1:
            return newest
        if after + 1 < self._kept_from:
            return None
        if after >= newest.first:
            return Group(after + 1, newest.last, sse.after(newest.frames, after))
        return Group(after + 1, newest.last, sse.after(self._older, after) + newest.frames)

    def join(self, told: Callable[[Group], None]) -> None:
        """Tell `told` of each group from here on, until it leaves."""
        self.followers.append(told)
        self.on_followers(len(self.followers))

    def leave(self, told: Callable[[Group], None]) -> None:
        self.followers.remove(told)
        self.on_followers(len(self.followers))
