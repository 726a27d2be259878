"""What a provider's last calls came to, and whether it counts as down for it: pure.

Two rules, for two ways of failing. So many failures in a row, however old, catch a dead provider
at any volume; a share of successes below HEALTHY_PERCENT catches a half-dead one that answers in
between. Throttled calls are no failures, until a vendor that names no time keeps saying so.
"""

from collections import deque
from typing import Literal

Outcome = Literal["success", "failure", "throttle", "ignored"]
"""What one attempt says about its provider; `throttle` is one that named no time."""

WINDOW_S = 30.0

SAMPLE = 5
"""Fewer outcomes than this in the window are no rate; so many throttles in it are a failure."""

HEALTHY_PERCENT = 80
"""A lower share of successes in the window counts as down."""


class Window:
    """The outcomes since a breaker's last change of state. `threshold` is for failures in a row."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        # Who asks for more patience than SAMPLE failures must not be overruled by the rate.
        self._sample = max(SAMPLE, threshold)
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._row = 0
        self._throttles: deque[float] = deque(maxlen=SAMPLE)

    def add(self, now: float, outcome: Outcome) -> str:
        """Note `outcome`; say why the provider counts as down from here, "" where it does not."""
        if outcome == "ignored":
            return ""
        if outcome == "throttle":
            return self._throttled(now)
        self._throttles.clear()
        failed = outcome == "failure"
        self._outcomes.append((now, failed))
        self._failures += failed
        self._row = self._row + 1 if failed else 0
        while self._outcomes[0][0] < now - WINDOW_S:
            self._failures -= self._outcomes.popleft()[1]
        # Who has just answered is not down, whatever the rate says.
        return self._down() if failed else ""

    def _throttled(self, now: float) -> str:
        self._throttles.append(now)
        if len(self._throttles) < SAMPLE or now - self._throttles[0] > WINDOW_S:
            return ""
        return f"{SAMPLE} throttled calls in a row"

    def _down(self) -> str:
        calls, failures = len(self._outcomes), self._failures
        if self._row >= self._threshold:
            return f"{self._row} failures in a row"
        if calls >= self._sample and 100 * (calls - failures) < HEALTHY_PERCENT * calls:
            return f"{failures} failures in {calls} calls within {WINDOW_S:g} s"
        return ""
