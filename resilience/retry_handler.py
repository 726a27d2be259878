"""Try again, with patience that grows, and only while nothing was shown.

A stream that has yielded content is never begun anew here: its reader would see words twice. Each
retry is announced by an item of its own before the wait, so the reader is told why nothing comes.
A budget keeps retries a fraction of the traffic: when every call fails, trying each of them thrice
is what keeps a vendor down.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from itertools import count
from random import random as uniform
from typing import NamedTuple, TypeVar

from errors import CircuitOpen, Problem
from resilience import anything

T = TypeVar("T")

CAP_S = 8.0
"""The longest back-off of our own choosing."""

LONGEST_S = 300.0
"""A vendor that asks for more rest than this is not waited for, however much time is left."""


class Retrying(NamedTuple):
    """Says that an attempt failed and when the next one begins."""

    attempt: int
    """The number of the attempt to come; the first one was 1."""
    delay_s: float
    fault: Problem


class RetryBudget:
    """What all calls to one provider may spend on retries together.

    `share` of the requests of the last `window_s` seconds, or `floor` retries at once where that
    is more: a quiet provider has no traffic to take a share of.
    """

    def __init__(
        self,
        share: float = 0.2,
        window_s: float = 10.0,
        floor: int = 3,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._window_s = window_s
        self._floor = floor
        self._clock = clock
        self._requests: deque[float] = deque()
        self._retries: deque[float] = deque()
        self._running = 0

    def note_request(self) -> None:
        """A call begins: its first attempt is no retry."""
        self._requests.append(self._clock())
        self._forget()

    def take(self) -> bool:
        """Whether one more retry may be made; every True wants its `give_back`."""
        self._forget()
        share = self._share * len(self._requests)
        if self._running >= self._floor and len(self._retries) + 1 > share:
            return False
        self._retries.append(self._clock())
        self._running += 1
        return True

    def give_back(self) -> None:
        """A retry is over: it failed, or brought content and is a stream like any other."""
        self._running -= 1

    def _forget(self) -> None:
        oldest = self._clock() - self._window_s
        for times in (self._requests, self._retries):
            while times and times[0] < oldest:
                times.popleft()


class RetryHandler:
    """Makes a stream again when it failed early and trying again can help.

    `attempts` are tries after the first. One `budget` is shared by all handlers of a provider.
    """

    def __init__(
        self,
        attempts: int = 2,
        base_s: float = 0.5,
        *,
        budget: RetryBudget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = uniform,
    ) -> None:
        self._attempts = attempts
        self._base_s = base_s
        self._budget = budget or RetryBudget()
        self._sleep = sleep
        self._random = random

    async def execute_streaming(
        self,
        make_stream: Callable[[], AsyncGenerator[T, None]],
        *,
        is_content: Callable[[T], bool] = anything,
        remaining_s: Callable[[], float] = lambda: math.inf,
    ) -> AsyncGenerator[T | Retrying, None]:
        """Pass on what `make_stream()` yields, with a Retrying before each further attempt.

        `remaining_s()` is the time the whole answer has left: what cannot begin within it is not
        waited for. Raises the fault of the last attempt, at once where no other is made.
        """
        self._budget.note_request()
        with ExitStack() as retry:
            for attempt in count(1):
                shown = False
                async with aclosing(make_stream()) as stream:
                    # Inside, so that an error of closing after a Stop is no reason to go on.
                    try:
                        async for item in stream:
                            if not shown and is_content(item):
                                shown = True
                                retry.close()
                            yield item
                        return
                    except Problem as problem:
                        retry.close()
                        delay_s = None if shown else self._delay(problem, attempt, remaining_s())
                        if delay_s is None:
                            raise
                        failed = problem
                retry.callback(self._budget.give_back)
                yield Retrying(attempt + 1, delay_s, failed)
                await self._sleep(delay_s)

    def _delay(self, problem: Problem, attempt: int, left_s: float) -> float | None:
        """Seconds until the next attempt, paid for from the budget; None where there is none."""
        hopeless = not problem.retryable or isinstance(problem, CircuitOpen)
        if hopeless or attempt > self._attempts:
            return None
        delay_s = self._back_off(problem, attempt)
        if delay_s >= left_s or delay_s >= LONGEST_S or not self._budget.take():
            return None
        return delay_s

    def _back_off(self, problem: Problem, attempt: int) -> float:
        # Never earlier than asked; without a wish, anywhere in a span that doubles ("full
        # jitter"): callers that failed together must not come back together.
        if asked := problem.retry_after_s:
            return asked + self._random() * min(1.0, asked / 10)
        return self._random() * min(CAP_S, self._base_s * 2.0 ** (attempt - 1))
