"""Python's garbage collector, kept from stopping everybody at a bad moment.

A full collection walks through all there is while no stream moves: 0.1 s for the SDKs alone, 50 ms
for two hundred streams that are starting. What is loaded is set aside for good, and the rest waits
for a moment in which nothing runs. The younger generations stay Python's: 5 ms at most.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable

from providers.base import Provider

LOOK_S = 10.0

DUE, SELDOM = 10, 100
"""Collections of the middle generation before a full one: in a quiet moment, and at any other.

Python's own number is DUE. SELDOM bounds what a house that is never quiet holds of garbage: under
800,000 objects, some 100 MB if nothing of them is used.
"""


async def tend(
    models: Iterable[Provider],
    busy: Callable[[], object],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Spare the `models` once they are loaded; then collect whenever nobody is `busy()`."""
    gc.set_threshold(*gc.get_threshold()[:2], SELDOM)
    await asyncio.gather(*(model.loaded() for model in models), return_exceptions=True)
    gc.freeze()
    while True:
        await sleep(LOOK_S)
        if gc.get_count()[2] >= DUE and not busy():
            gc.collect()
