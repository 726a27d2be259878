"""How long an answer may take: to its first content, between two items, and as a whole.

Time is measured on items that came out parsed, never on socket reads: a vendor that sends nothing
but keep-alives is late. The deadline is a number that moves. One timer per attempt looks at it now
and then and sets itself anew, so an item costs a clock reading instead of a timer. The price: a
timer that wakes in vain, at most once every `idle_s`.

A suspended generator waits for nobody. While the consumer has an item the number is infinite, so
its own slowness is never the vendor's, and the task is cancelled only inside `anext`. Nor is ours:
a timer that comes late itself, because the machine or the loop stood still, proves nothing.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from errors import Fault, FirstTokenTimeout, IdleTimeout, TotalTimeout
from resilience import anything

T = TypeVar("T")

NOBODY_WAITS = math.inf

HELD_UP_S = 0.1
"""A timer that is late by so much says that we were held up; for as long we look what has come."""


class Timers(Protocol):
    """What is needed of an event loop; a test brings one whose time it moves by hand."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None], /) -> asyncio.TimerHandle: ...


class Deadline:
    """The patience with one answer, in seconds.

    The total runs from the making of this object and covers every attempt and the back-off between
    them; the other two begin anew with each attempt. Made inside a running loop.
    """

    def __init__(
        self, first_s: float, idle_s: float, total_s: float, *, timers: Timers | None = None
    ) -> None:
        self.first_s = first_s
        self.idle_s = idle_s
        self.total_s = total_s
        self._timers: Timers = timers or asyncio.get_running_loop()
        self.ends_at = self._timers.time() + total_s

    def remaining_s(self) -> float:
        """Seconds left of the total, never below 0."""
        return max(0.0, self.ends_at - self._timers.time())

    def watch(self, first_s: float | None = None) -> "Watch":
        """Around one attempt; `first_s` overrides the patience with a slow starter."""
        return Watch(self, self._timers, first_s or self.first_s)

    async def guard(
        self,
        stream: AsyncGenerator[T, None],
        *,
        first_s: float | None = None,
        is_content: Callable[[T], bool] = anything,
    ) -> AsyncGenerator[T, None]:
        """Pass `stream` on, and close it when it is late; see Watch."""
        async with aclosing(stream):
            with self.watch(first_s) as watch:
                watch.wait()
                async for item in stream:
                    watch.came(content=watch.spoke or is_content(item))
                    yield item
                    watch.wait()


class Watch:
    """One attempt's timer. It spans the yields but is no timeout scope: see NOBODY_WAITS.

    `wait()` before each wait for the vendor, `came()` behind it. Any item shows life; only content
    is the first token. Raises FirstTokenTimeout, IdleTimeout or TotalTimeout, and CancelledError,
    unchanged, when somebody else cancels, even in the same instant.
    """

    def __init__(self, deadline: Deadline, timers: Timers, first_s: float) -> None:
        self.due = NOBODY_WAITS
        self.spoke = False
        self.fault: Fault | None = None
        self._deadline = deadline
        self._timers = timers
        self._time = timers.time
        self._ends_at = deadline.ends_at
        self._first_s = self._patience = first_s
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._cancels = 0

    def __enter__(self) -> Self:
        self._arm(self._time())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Turn our own cancellation into its fault, and only ours."""
        self._timer.cancel()
        if self._task is None or isinstance(error, GeneratorExit):
            return
        if self.fault is not None:
            self._task.uncancel()
        if self._task.cancelling() > self._cancels:
            # Somebody stopped this wait too. They win, also over a stream that turned their
            # cancellation into an error or an end: it would be retried, or pass as a success.
            if not isinstance(error, asyncio.CancelledError):
                raise asyncio.CancelledError from error
        elif self.fault is not None:
            raise self.fault from error

    def wait(self) -> None:
        """The vendor's time runs from here. Raises TotalTimeout when there is none left."""
        # The task is asked for each time: one that hands every item to another task
        # (`wait_for(anext(…))`) would else have the wrong one cancelled.
        self._task = task = asyncio.current_task(self._loop)
        self._cancels = task.cancelling() if task is not None else 0
        now = self._time()
        if now >= self._ends_at:
            raise self._late(now)
        due = now + self._patience
        self.due = due if due < self._ends_at else self._ends_at

    def came(self, *, content: bool) -> None:
        """Content ends the wait for the first token; anything else leaves what is left of it."""
        if self.fault is not None:  # the stream swallowed our cancellation; leaving tells why
            raise asyncio.CancelledError
        if not self.spoke:
            self.spoke = content
            self._patience = self._deadline.idle_s if content else max(0.0, self.due - self._time())
        self.due = NOBODY_WAITS

    def _arm(self, now: float) -> None:
        # Never later than any deadline that can arise before it fires, hence `idle_s` even while
        # the longer wait for the first token lasts.
        step = min(self._patience, self._deadline.idle_s)
        self._look_at(min(self.due, now + step, self._ends_at))

    def _look_at(self, when: float) -> None:
        self._when = when
        self._timer = self._timers.call_at(when, self._fire)

    def _fire(self) -> None:
        now = self._time()
        if now >= self._when + HELD_UP_S:
            # What the vendor has said meanwhile may still wait in the socket.
            self._look_at(now + HELD_UP_S)
        elif now >= self.due and self._task is not None:
            self.fault = self._late(now)
            self._task.cancel()
        elif now < self._ends_at:  # past the end, the next wait() raises by itself
            self._arm(now)

    def _late(self, now: float) -> Fault:
        if now >= self._ends_at:
            return TotalTimeout(f"The answer took longer than {self._deadline.total_s:g} s.")
        if self.spoke:
            return IdleTimeout(f"The provider fell silent for {self._deadline.idle_s:g} s.")
        return FirstTokenTimeout(f"The provider sent no first word within {self._first_s:g} s.")
