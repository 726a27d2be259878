"""Places: so many at once, and so many of them for one client.

A client is a name: whatever stands for one caller. Taking a place is a plain assignment that nobody
can come between, so however many ask at once, no more are in than there are places.
"""

from collections import Counter

from errors import Overloaded, QuotaExceeded


class Places:
    """`most` for all, `most_each` for one client (0: as many as there are) of `what`."""

    def __init__(self, what: str, most: int, most_each: int, *, retry_after_s: float) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._retry_after_s = retry_after_s
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    def take(self, client: str, *, whatever: bool = False) -> None:
        """Raises Overloaded or QuotaExceeded where none is free; not `whatever` the limits say."""
        if not whatever:
            self._check(client)
        self._taken[client] += 1

    def leave(self, client: str) -> None:
        self._taken -= Counter((client,))  # forgets a client that has none left

    def _check(self, client: str) -> None:
        if self.taken >= self._most:
            raise Overloaded(
                f"All {self._most} places for {self._what} are taken; try again soon.",
                retry_after_s=self._retry_after_s,
            )
        if 0 < self._most_each <= self._taken[client]:
            raise QuotaExceeded(
                f"You have {self._most_each} {self._what}, as many as a client may have; "
                "try again when one has ended.",
                retry_after_s=self._retry_after_s,
            )
