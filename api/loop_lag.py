"""How late the event loop is: everything here lives on one, so a stall is everybody's.

It asks to be woken and looks how much later it was. A stall is worth a line in the log, since it
names a bug: a file, a model or a large JSON on the loop. One that is known is the `collector`'s.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

EVERY_S = 0.25
STALL_S = 0.25
FADES = 0.983
"""What is left of a lag at the next look: half of it after ten seconds, so a scrape sees it."""

logger = logging.getLogger("leadstream.loop")


class LoopLag:
    """`seconds` is the gauge: the worst lag of late, fading."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def watch(
        self,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Look several times a second, until it is cancelled."""
        while True:
            due = clock() + EVERY_S
            await sleep(EVERY_S)
            late = max(0.0, clock() - due)
            self.seconds = max(late, self.seconds * FADES)
            if late > STALL_S:
                logger.warning("the event loop stood still for %.2f s", late)
