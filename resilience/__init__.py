"""Breaker, retry, deadline and gate over any async generator: they know neither HTTP nor models.

The way of a call is `retry(breaker(deadline(provider)))`, each an async generator around the next.
Each hop closes what it iterates by whatever road it is left, and costs an item two comparisons: no
hop makes a task, a timer, a lock or a context manager for an item.
"""

from typing import NamedTuple


class Verdict(NamedTuple):
    """What a breaker or a gate would say to a call now. Looking takes no permit."""

    allowed: bool
    state: str
    retry_after_s: float | None = None
    """Seconds until asking again makes sense; None where allowed or where no time is known."""
    why: str = ""
    """A sentence for the user; empty where allowed."""


def anything(item: object) -> bool:
    """The `is_content` of a stream that has nothing but content."""
    return True
