"""How fast a candidate is now: live estimates over the priors of `models.toml`.

A peak weighs at once, because a vendor that became slow must lose its traffic with the next
request; recovery is believed step by step. What is not observed fades back to the prior, so a
candidate that lost its traffic is tried again instead of being judged for ever by its worst day.
"""

import time
from collections.abc import Callable, Mapping
from math import exp
from typing import Any

from routing.catalog import Model

NEWEST = 0.3
"""The weight of a new observation that is better than the estimate."""

FADE_S = 120.0
"""After so many seconds without news, what is left of the distance to the prior is 1/e."""


class Estimate:
    """One candidate's time to first token in ms and its time for each token after it, in ms."""

    def __init__(self, prior: Model, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._prior = (prior.ttft_ms, 1000 / prior.speed)
        self._clock = clock
        self._at = clock()
        self._now = self._prior

    def latency_ms(self, tokens: int) -> float:
        """What an answer of so many tokens will take."""
        ttft_ms, token_ms = self._current()
        return ttft_ms + tokens * token_ms

    @property
    def ttft_ms(self) -> float:
        return self._current()[0]

    @property
    def tokens_per_second(self) -> float:
        return 1000 / self._current()[1]

    def observe(self, ttft_ms: float | None, tokens_per_second: float | None) -> None:
        """An answer came whole; None where it was too short to tell."""
        ttft, token = self._current()
        if ttft_ms is not None:
            ttft = _weighed(ttft, ttft_ms)
        if tokens_per_second:
            token = _weighed(token, 1000 / tokens_per_second)
        self._now, self._at = (ttft, token), self._clock()

    def observe_failure(self, ms: float) -> None:
        """It failed, and its first word took `ms`, or would have taken at least that long."""
        ttft, token = self._current()
        self._now, self._at = (max(ttft, ms), token), self._clock()

    def to_state(self, wall: float) -> dict[str, Any]:
        """What is worth keeping over a restart; `wall` is the Unix time now."""
        ttft_ms, token_ms = self._current()
        return {"ttft_ms": ttft_ms, "token_ms": token_ms, "at": wall}

    def restore(self, state: Mapping[str, Any], wall: float) -> None:
        """Take up what `to_state` kept, faded by the time that has passed."""
        self._now = (state["ttft_ms"], state["token_ms"])
        self._at = self._clock() - max(0.0, wall - state["at"])

    def _current(self) -> tuple[float, float]:
        left = exp(-(self._clock() - self._at) / FADE_S)
        prior_ttft, prior_token = self._prior
        ttft, token = self._now
        return prior_ttft + (ttft - prior_ttft) * left, prior_token + (token - prior_token) * left


def _weighed(estimate: float, observed: float) -> float:
    return observed if observed > estimate else estimate + NEWEST * (observed - estimate)
