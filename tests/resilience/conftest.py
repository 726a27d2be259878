import pytest

from resilience.circuit_breaker import CircuitBreaker
from resilience.deadline import Deadline
from tests.resilience.hand import Hand, Vendor


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def move(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
async def deadline(hand):
    return Deadline(60, 30, 600, timers=hand)


@pytest.fixture
def changes():
    return []


@pytest.fixture
def breaker(clock, changes):
    """Half of the jitter: open for 5 × ¾ = 3.75 s at first."""
    return CircuitBreaker(
        "claude/sonnet",
        clock=clock,
        random=lambda: 0.5,
        on_change=lambda name, old, new, why: changes.append((name, old, new, why)),
    )
