"""How often: a bucket for each key and kind of request, and one for each address that guesses.

Starting, connecting and stopping have buckets of their own, so that starting much never keeps
anybody from resuming or stopping. Windows slide; the counts live in memory and go with the process.
"""

import time
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

CONNECTS = 10
STOPS = 2
"""So many for each start that a minute allows."""

GUESSES = 100
"""Wrong keys from one address in a minute."""


class Standing(NamedTuple):
    """Where a client stands after a hit; `reset_s` is when there will be more room."""

    admitted: bool
    bucket: str
    limit: int
    left: int
    reset_s: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """draft-ietf-httpapi-ratelimit-headers."""
        policy = f'"{self.bucket}";q={self.limit};w=60'
        state = f'"{self.bucket}";r={self.left};t={self.reset_s}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]


class Limits:
    def __init__(self, starts_per_minute: int) -> None:
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items = {
            "starts": RateLimitItemPerMinute(starts_per_minute, namespace="starts"),
            "connects": RateLimitItemPerMinute(starts_per_minute * CONNECTS, namespace="connects"),
            "stops": RateLimitItemPerMinute(starts_per_minute * STOPS, namespace="stops"),
            "guesses": RateLimitItemPerMinute(GUESSES, namespace="guesses"),
        }

    async def hit(self, bucket: str, whose: str) -> Standing:
        """One more of `bucket` by `whose`."""
        item = self._items[bucket]
        admitted = await self._counts.hit(item, whose)
        reset, left = await self._counts.get_window_stats(item, whose)
        return Standing(admitted, bucket, item.amount, left, int(max(0, reset - time.time())) + 1)
