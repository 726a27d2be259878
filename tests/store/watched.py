"""A real database whose commits can be held, refused and counted by a test."""

import asyncio

from store.database import Database, Write
from tests.serving import rows

DUPLICATE = Write(
    "INSERT INTO streams (stream_id, created_at) VALUES (:stream_id, :at)",
    [{"stream_id": "twice", "at": "now"}, {"stream_id": "twice", "at": "now"}],
)
"""A change that no disk can ever take: one key, two rows."""


class Watched(Database):
    """Commits pass while `open` is set; `refuse(number, writes)` may raise in a commit's place."""

    def __init__(self, path):
        super().__init__(path)
        self.open = asyncio.Event()
        self.open.set()
        self.refuse = lambda number, writes: None
        self.asks = asyncio.Queue()
        """The number of each commit that is asked for, from 1."""
        self.committed = 0
        self._asked = 0

    async def write(self, *writes):
        self._asked = number = self._asked + 1
        self.asks.put_nowait(number)
        await self.open.wait()
        self.refuse(number, writes)
        await super().write(*writes)
        self.committed += 1


def on_disk(path, stream_id):
    """The frames of a stream, as another process finds them in the file."""
    found = rows(
        path, "SELECT frames FROM stream_log WHERE stream_id = ? ORDER BY first_id", stream_id
    )
    return b"".join(frames for (frames,) in found)
