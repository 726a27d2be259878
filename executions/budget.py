"""Budgets: what an owner may spend in a day (UTC), however much runs at once.

Money is reserved before it is spent: a little at the start, and more, twice as much each time, when
an answer comes to the end of it. So all that runs together stays within the day's budget, each
answer within one token's price, and what is reserved and not spent is free again at the end. What
was spent stands in the executions' rows, and nowhere else.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from errors import TooMany
from routing.receipt import Grant

PIECES = 1000
"""The first reservation is this part of the day's budget, so that many may begin at once."""

Owned = tuple[str, str]
"""An owner and a day, as in ("key_1", "2026-11-26")."""


class Day:
    """What one owner has left of one day."""

    def __init__(self, left: Decimal) -> None:
        self.left = left


class Share:
    """What one execution may spend of its day, `usd` so far: a Grant to its receipt."""

    def __init__(self, day: Day, piece: Decimal) -> None:
        self.usd = Decimal(0)
        self._day = day
        self._piece = piece

    def extend(self) -> bool:
        """Reserve more. False when nothing is left."""
        more = min(max(self._piece, self.usd), self._day.left)
        if more <= 0:
            return False
        self._day.left -= more
        self.usd += more
        return True

    def settle(self, spent: Decimal) -> None:
        """It has ended, and has cost so much. Twice is harmless."""
        self._day.left += self.usd - spent
        self.usd = spent


class Budgets:
    """`a_day` in USD for each owner, None for no budget; `spent` before this process began."""

    def __init__(
        self,
        a_day: Decimal | None = None,
        spent: Mapping[Owned, Decimal] | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._a_day = a_day
        self._spent = spent or {}
        self._days: dict[Owned, Day] = {}
        self._now = now

    def grant(self, owner: str, elapsed_s: float) -> Share | None:
        """For an execution that has begun `elapsed_s` ago; it belongs to the day of its start."""
        if self._a_day is None:
            return None
        begun = (self._now() - timedelta(seconds=elapsed_s)).date().isoformat()
        # Who runs on from an earlier day holds that day himself.
        self._days = {name: day for name, day in self._days.items() if name[1] >= begun}
        place = owner, begun
        left = self._a_day - self._spent.get(place, Decimal(0))
        return Share(self._days.setdefault(place, Day(left)), self._a_day / PIECES)

    def reserve(self, grant: Grant | None) -> None:
        """Raises TooMany `budget_exhausted` where nothing is left for a start."""
        if grant is None or grant.extend():
            return
        now = self._now()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        raise TooMany(
            f"Today's budget of ${self._a_day} is spent, or reserved by what runs now.",
            code="budget_exhausted",
            retry_after_s=(midnight - now).total_seconds(),
        )
