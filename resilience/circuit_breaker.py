"""A circuit breaker for streams: one per provider and model, one outcome per attempt.

    CLOSED     calls pass; enough failures open it
    OPEN       calls are refused for a while that doubles each time
    HALF_OPEN  one call, the probe, passes; the others are refused
               the probe's first content closes it, its failure opens it again

Rules:
1. The era counts the changes of state and the probes. A call remembers the era it was admitted in;
   what it has to say in a later one is stale news about an older provider and is dropped.
2. `Fault.blame` decides what an attempt says. Everything else (a user's Stop, a shutdown, our own
   storage, a bug of ours) says nothing about the provider: it counts neither way.
3. A probe closes the breaker at its first content, since a whole answer takes minutes; how it ends
   is the first outcome of the fresh window.

No lock, task or timer: the breaker is looked at when somebody calls, on one event loop.
"""

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from random import random as uniform
from typing import Any, Literal, TypeVar

from errors import CircuitOpen, Fault
from resilience import Verdict, anything
from resilience.window import Outcome, Window

T = TypeVar("T")

log = logging.getLogger(__name__)

State = Literal["closed", "open", "half_open"]
OnChange = Callable[[str, State, State, str], None]
"""`on_change(name, old, new, why)`."""

CAP_S = 300.0
"""The longest a breaker stays open before it lets a probe through."""

LEASE_S = 60.0
"""After this a probe that was never heard of again makes room for another."""

NEVER = float("-inf")


class CircuitBreaker:
    """Refuses calls to a provider that is down. `name` is for people: `claude/claude-sonnet-5`.

    `threshold` failures in a row open it for `reset_s` seconds, doubling up to CAP_S until a call
    succeeds; half of that time is jitter, so that breakers do not probe in step.
    """

    def __init__(
        self,
        name: str,
        *,
        threshold: int = 5,
        reset_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = uniform,
        on_change: OnChange | None = None,
    ) -> None:
        self.name = name
        self._threshold = threshold
        self._reset_s = reset_s
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._state: State = "closed"
        self._era = 0
        self._window = Window(threshold)
        self._open_s = reset_s
        self._open_until = NEVER
        self._lease_until = NEVER
        self._why = ""
        self.changes = 0
        """How often its state has changed in this process."""

    async def call_streaming(
        self,
        make_stream: Callable[[], AsyncGenerator[T, None]],
        *,
        is_content: Callable[[T], bool] = anything,
    ) -> AsyncGenerator[T, None]:
        """Pass on what `make_stream()` yields. Raises CircuitOpen instead of calling it.

        An attempt is a success when its stream ends by itself: read it to its end.
        """
        era, probing = self._admit()
        outcome: Outcome = "ignored"
        try:
            async with aclosing(make_stream()) as stream:
                # Inside, so that an error of closing after a Stop is no outcome.
                try:
                    async for item in stream:
                        if probing and is_content(item):
                            probing = False
                            era = self._heal(era)
                        yield item
                    outcome = "success"
                except Fault as fault:
                    outcome = _outcome(fault)
                    raise
        finally:
            self._settle(era, outcome)

    def peek(self) -> Verdict:
        """What a call would find now. Changes nothing."""
        now = self._clock()
        if self._state == "open" and now < self._open_until:
            left = self._open_until - now
            why = f"{self.name} is left alone after {self._why}; asked again in {left:.0f} s."
            return Verdict(False, "open", left, why)
        if self._state == "half_open" and now < self._lease_until:
            why = f"{self.name} is being tried by one request after {self._why}."
            return Verdict(False, "half_open", min(self._reset_s, self._lease_until - now), why)
        return Verdict(True, "closed" if self._state == "closed" else "half_open")

    def to_state(self, wall: float) -> dict[str, Any]:
        """What is worth keeping over a restart, as JSON. `wall` is the Unix time now.

        The monotonic clock dies with the machine, so the time left is kept, not its end.
        """
        left = max(0.0, self._open_until - self._clock()) if self._state == "open" else 0.0
        return {
            "state": "closed" if self._state == "closed" else "open",
            "open_left_s": left,
            "open_s": self._open_s,
            "why": self._why,
            "at": wall,
        }

    def restore(self, state: Mapping[str, Any], wall: float) -> None:
        """Take up what `to_state` kept. A wall clock that was set back counts as no time passed."""
        if state.get("state") != "open":
            return
        passed = max(0.0, wall - state["at"])
        self._open_s = min(CAP_S, max(self._reset_s, state["open_s"]))
        self._open_until = self._clock() + min(CAP_S, max(0.0, state["open_left_s"] - passed))
        self._state, self._why = "open", state["why"]

    def _admit(self) -> tuple[int, bool]:
        """The era of the call that may go out, and whether it is the probe."""
        verdict = self.peek()
        if not verdict.allowed:
            raise CircuitOpen(verdict.why, retry_after_s=verdict.retry_after_s)
        if self._state == "closed":
            return self._era, False
        self._lease_until = self._clock() + LEASE_S
        if self._state == "open":
            self._move("half_open", "one request is let through to try it")
        else:
            self._era += 1  # the last probe gave up or never came back: it is stale from here
        return self._era, True

    def _heal(self, era: int) -> int:
        """The probe has brought content: close, and take it along into the new era."""
        if era != self._era:
            return era
        self._move("closed", "the probe was answered")
        return self._era

    def _settle(self, era: int, outcome: Outcome) -> None:
        """An admitted call is over: the one place where it counts."""
        if era != self._era:
            return
        if self._state == "half_open":
            if outcome == "failure":
                return self._open("a failed probe")
            if outcome == "success":  # an answer without content
                self._move("closed", "the probe was answered")
            self._lease_until = NEVER  # a probe that learnt nothing gives its permit back
        if outcome == "success":
            self._open_s = self._reset_s
        if why := self._window.add(self._clock(), outcome):
            self._open(why)

    def _open(self, why: str) -> None:
        self._why = why
        self._open_until = self._clock() + self._open_s / 2 * (1 + self._random())
        self._open_s = min(CAP_S, self._open_s * 2)
        self._move("open", why)

    def _move(self, new: State, why: str) -> None:
        old, self._state = self._state, new
        self._era += 1
        self.changes += 1
        self._window = Window(self._threshold)
        if self._on_change is not None:
            try:
                self._on_change(self.name, old, new, why)
            except Exception:  # whoever listens must not replace the outcome of a call
                log.exception("on_change of breaker %s", self.name)


def _outcome(fault: Fault) -> Outcome:
    """A throttle that names no time is one only until it repeats; see `Window`."""
    if fault.blame == "throttle" and fault.retry_after_s is None:
        return "throttle"
    return "failure" if fault.blame == "failure" else "ignored"
