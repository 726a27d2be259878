"""Running: whoever writes one stream, in a task that no connection owns.

It ends exactly once, because the log takes one terminal event: `complete`, `error` or `stopped`,
whichever came first. A stream that nobody follows for a while is cancelled, unless it was detached.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import logs
from agents.base import AgentResult, Event
from errors import BudgetReached, Problem, Storage
from routing.receipt import Receipt
from store.database import Write
from streams.log import Log

START_COMMIT_S = 5.0
"""How long a start waits for its opening to be committed before it is refused."""

StopReason = Literal["requested", "abandoned", "budget", "superseded"]

logger = logging.getLogger("leadstream.execution")


class Running(ABC):
    """Create it, `log.append` its opening, then `run()`."""

    exclusive: str | None = None
    """What only one may work on at a time, as a name."""

    def __init__(self, log: Log, receipt: Receipt, abandon_after_s: float | None) -> None:
        self.log = log
        self.receipt = receipt
        self.result = AgentResult()
        self.client = ""
        """Whose place it has; an earlier process has told nobody."""
        self.on_end: Callable[[Any], None] = lambda running: None
        self._abandon_after_s = abandon_after_s
        self._abandon: asyncio.TimerHandle | None = None
        self._stopping: StopReason | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopper: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def names(self) -> dict[str, str]:
        """What it is called in log lines."""

    @abstractmethod
    async def _write(self) -> None:
        """Write the stream, its terminal event last."""

    @abstractmethod
    def reopen(self) -> None:
        """After a restart, before `run()`: tell the readers what begins anew."""

    @abstractmethod
    def _append_end(self, event: Event) -> None:
        """The one terminal event, with every row that it makes true."""

    @abstractmethod
    def _epitaph(self, problem: Problem) -> tuple[Event, list[Write]]:
        """The end of a stream whose own end cannot be written."""

    @property
    def stream_id(self) -> str:
        return self.log.stream_id

    def run(self) -> None:
        """Begin. The task belongs to the execution; who asked for it may leave."""
        if self.log.ended:
            return
        self._task = asyncio.create_task(self._run(), name=f"stream {self.stream_id}")
        self._task.add_done_callback(lambda _: self._ended())
        self.log.epitaph = self._epitaph
        self.log.on_followers = self._followers
        self._followers(len(self.log.followers))

    async def opened(self) -> None:
        """Return once its opening is durable. Raises a Problem where it cannot be stored."""
        try:
            async with asyncio.timeout(START_COMMIT_S):
                await self.log.settled()
        except TimeoutError:
            refused = Storage("The disk does not take writes; nothing was started.")
            self.fail(refused)
            raise refused from None
        if self.log.ended:
            raise Problem("The start could not be stored. The log has the details.")

    async def stop(self, reason: StopReason = "requested") -> None:
        """End it now: the vendor's connection is closed before this returns. Twice is harmless."""
        self._stopping = self._stopping or reason
        await self._cancel()
        if self._task is None:
            self._ended()
        await self.log.settled()

    async def leave(self) -> None:
        """The process goes: close the vendor and leave the stream open, for recovery."""
        await self._cancel()

    def fail(self, problem: Problem) -> None:
        """End as `error`, unless it has ended: the text so far stays."""
        if not self.log.ended:
            self._append_end({"type": "error", "error": problem.described()})

    def break_off(self, problem: Problem) -> None:
        """Fail, and close the vendor, without waiting for either."""
        self.fail(problem)
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Return when its last event is durable."""
        if self._task is not None:
            await asyncio.wait([self._task])
        await self.log.settled()

    async def _run(self) -> None:
        logs.names.set(self.names)
        try:
            await self._write()
        except BudgetReached:
            self._stopping = "budget"
            self._append_stopped()
        except Problem as problem:
            self.fail(problem)
        except Exception:
            logger.exception("stream %s failed", self.stream_id)
            self.fail(Problem("Something went wrong inside Leadstream. The log has the details."))

    def _append_stopped(self) -> None:
        self._append_end({"type": "stopped", "reason": self._stopping})

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _followers(self, count: int) -> None:
        """The first follower stops the clock, the last one to leave starts it."""
        if self._abandon is not None:
            self._abandon.cancel()
            self._abandon = None
        if count == 0 and self._abandon_after_s is not None and not self.log.ended:
            loop = asyncio.get_running_loop()
            self._abandon = loop.call_later(self._abandon_after_s, self._abandoned)

    def _abandoned(self) -> None:
        self._stopper = asyncio.create_task(self.stop("abandoned"))

    def _ended(self) -> None:
        """The task is over, or was cancelled before it began: only here both come by, and before
        whoever waits for it."""
        if self._stopping and not self.log.ended:
            self._append_stopped()
        if self._abandon is not None:
            self._abandon.cancel()
        self.log.on_followers = lambda count: None
        self.on_end(self)
