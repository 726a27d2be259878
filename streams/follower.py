"""A Follower: a position in a log, and nothing more.

Replay and live are one loop: `next()` gives every durable frame past the position as one bytes
object, from memory or, when it is far behind, from the store. While somebody waits in it, live
groups go past him through `pour`, where that takes them. There is no queue, so a slow follower
costs nobody anything, and one that comes back starts where it says it was. One timer for its life
sees both that the stream is quiet and that the reader takes nothing.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Self

from streams import sse
from streams.log import Group, Log

REWIND = sse.unnumbered({"type": "reset", "reason": "rewind", "provider": None})
"""To a reader ahead of the log, which was restored from a backup: the whole comes again."""


class Follower:
    """Use as a context manager: the log counts who follows it.

    `heartbeat_s`: `next()` returns b"" after so many seconds without news; `patience_s`: after so
    many seconds in which nobody asked for the next, `on_stuck()` is called, once.
    """

    def __init__(
        self, log: Log, after: int = 0, *, heartbeat_s: float = inf, patience_s: float = inf
    ) -> None:
        self.log = log
        self.position = after
        self.dismissed = False
        """The server goes: this reader was asked to come back to the next one."""
        self.pour: Callable[[bytes], bool] = lambda frames: False
        """Takes frames at once, where it can: then nobody has to be woken for them."""
        self.on_stuck: Callable[[], object] = lambda: None
        self.gone = False
        """The reader has hung up, or was hung up on."""
        self._rewind = after > log.last
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._spoke_at = self._loop.time()
        self._asking = False
        """Somebody waits in `next()`; else he has something in hand, since `_spoke_at`."""
        self._silent = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self.log.join(self._told)
        self._set_timer(min(self._heartbeat_s, self._patience_s))
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.log.leave(self._told)

    async def next(self) -> bytes | None:
        """All durable frames past the position; b"" for a heartbeat; None after the last event."""
        self._asking = True
        frames = await self._next()
        self._asking, self._spoke_at = False, self._loop.time()
        return frames

    async def _next(self) -> bytes | None:
        while not self.gone:
            if self._rewind:
                self._rewind, self.position = False, 0
                return REWIND
            if (group := await self.log.read(self.position)) is not None:
                self.position = group.last
                return group.frames
            if self.log.whole or self.dismissed:
                break
            self._waiter = self._loop.create_future()
            await self._waiter
            if self._silent:
                self._silent = False
                return b""
        return None

    def dismiss(self) -> None:
        """`next()` gives what is durable, then None, though the stream goes on."""
        self.dismissed = True
        self._nudge()

    def leave(self) -> None:
        """The reader is gone: `next()` gives None."""
        self.gone = True
        self._nudge()

    def _told(self, group: Group) -> None:
        """`group` is durable: whoever waits in `next()` is woken, unless it is poured past him."""
        if self._waiter is None or self._waiter.done():
            return
        if group.first == self.position + 1 and not self.log.ended and self._poured(group):
            self.position = group.last
            self._spoke_at = self._loop.time()
        else:
            self._nudge()

    def _poured(self, group: Group) -> bool:
        try:
            return self.pour(group.frames)
        except Exception:
            return False  # his own task meets it again; here it would break the journal

    def _look(self) -> None:
        # One timer for a connection, not one for each token: it asks how long it has been so.
        limit_s, other_s = self._heartbeat_s, self._patience_s
        if not self._asking:
            limit_s, other_s = other_s, limit_s
        now = self._loop.time()
        left = self._spoke_at + limit_s - now
        if left <= 0 and not self._asking:
            self.leave()
            self.on_stuck()
            return
        if left <= 0:
            self._silent, self._spoke_at, left = True, now, limit_s
            self._nudge()
        self._set_timer(min(left, other_s))

    def _set_timer(self, delay_s: float) -> None:
        if delay_s < inf:
            self._timer = self._loop.call_later(delay_s, self._look)

    def _nudge(self) -> None:
        """Wake whoever waits in `next()`, if somebody does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
