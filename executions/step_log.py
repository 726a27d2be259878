"""A StepLog: the log of one step's execution, as a part of its workflow's.

An execution writes into it as into any log. Each event goes on with the step's name in it, encoded
once; the terminal one is handed over instead, because only the stream itself ends with one.
"""

from collections.abc import Callable

from store.database import Write
from streams import sse
from streams.log import Group, Log

Ended = Callable[[str, sse.Event, tuple[Write, ...]], None]
"""`ended(step, event, writes)`: the terminal event of a step, with the rows it makes true."""


class StepLog(Log):
    def __init__(self, step: str, whole: Log, ended: Ended) -> None:
        super().__init__(whole.stream_id, _unread, owner=whole.owner, last=whole.last)
        self._step = step
        self._whole = whole
        self._on_ended = ended

    def append(self, event: sse.Event, *writes: Write) -> int:
        """As `Log.append`; what comes after the end of the whole is left out."""
        if self.ended:
            raise RuntimeError(f"step {self._step} has ended: {event.get('type')!r} is late")
        if event["type"] in sse.TERMINAL:
            self.ended = True
            if not self._whole.ended:
                self._on_ended(self._step, event, writes)
        elif not self._whole.ended:
            event["step"] = self._step
            self._whole.append(event, *writes)
        return self._whole.last

    @property
    def crowded(self) -> bool:
        return self._whole.crowded

    async def settled(self) -> None:
        await self._whole.settled()


async def _unread(stream_id: str, after: int) -> Group | None:
    """Nobody follows a step alone."""
    return None
