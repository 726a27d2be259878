import pytest

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
