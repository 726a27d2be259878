"""An event loop on which waiting takes no time: when nothing is ready, its clock jumps ahead.

What sleeps, backs off or times out does so in its own order and at its own moment, and a minute
passes in milliseconds. What would wait for ever fails instead.
"""

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(_Jumping())

    def time(self):
        return self._selector.now


class _Jumping(selectors.DefaultSelector):
    now = 1000.0

    def select(self, timeout=None):
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise AssertionError("everybody waits, and nobody will ever wake anybody")
        self.now += timeout
        return []


def now():
    """The time on the running loop; the clock of everything that a test builds."""
    return asyncio.get_running_loop().time()
