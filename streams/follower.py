"""A Follower: a position in a log, and nothing more.

Replay and live are one loop: `next()` gives every durable frame past the position as one bytes
object, from memory or, when it is far behind, from the store. There is no queue, so a slow follower
costs nobody anything, and one that comes back starts where it says it was.
"""

import asyncio
from types import TracebackType
from typing import Self

from streams.log import Log


class Follower:
    """Use as a context manager: the log counts who follows it.

    `heartbeat_s`: `next()` returns b"" after so many seconds without news; None for never.
    """

    def __init__(self, log: Log, after: int = 0, *, heartbeat_s: float | None = None) -> None:
        self.log = log
        self.position = after
        self._heartbeat_s = heartbeat_s
        self._loop = asyncio.get_running_loop()
        self._spoke_at = self._loop.time()
        self.dismissed = False
        """The server goes: this reader was asked to come back to the next one."""
        self._silent = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self.log.followers += 1
        self.log.on_followers(self.log.followers)
        if self._heartbeat_s is not None:
            self._timer = self._loop.call_later(self._heartbeat_s, self._beat, self._heartbeat_s)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.log.followers -= 1
        self.log.on_followers(self.log.followers)

    async def next(self) -> bytes | None:
        """All durable frames past the position; b"" for a heartbeat; None after the last event."""
        while True:
            group = await self.log.read(self.position)
            if group is not None:
                self.position = group.last
                self._spoke_at = self._loop.time()
                return group.frames
            if self.log.whole or self.dismissed:
                return None
            await self._news()
            if self._silent:
                self._silent = False
                return b""

    def dismiss(self) -> None:
        """`next()` gives what is durable, then None, though the stream goes on."""
        self.dismissed = True
        self._nudge()

    async def _news(self) -> None:
        self._waiter = self.log.news()
        try:
            await self._waiter
        finally:
            self.log.forget(self._waiter)

    def _beat(self, heartbeat_s: float) -> None:
        # One timer for a connection, not one for each token: it asks how long it has been quiet.
        now = self._loop.time()
        left = self._spoke_at + heartbeat_s - now
        if left <= 0:
            self._silent, self._spoke_at, left = True, now, heartbeat_s
            self._nudge()
        self._timer = self._loop.call_later(left, self._beat, heartbeat_s)

    def _nudge(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
