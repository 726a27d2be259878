"""What a store has of one stream, and the steps of a commit, for a log without a Journal."""

import asyncio

from streams import sse
from streams.log import Group


def token(content):
    return {"type": "token", "content": content}


class Table:
    """What a store has of one stream: its committed groups, read a page of two at a time."""

    def __init__(self):
        self.groups = []
        self.reads = 0

    @property
    def last(self):
        return self.groups[-1].last if self.groups else 0

    async def stored(self, stream_id, after):
        self.reads += 1
        await asyncio.sleep(0)
        page = [group for group in self.groups if group.last > after][:2]
        frames = sse.after(b"".join(group.frames for group in page), after)
        return Group(after + 1, page[-1].last, frames) if page else None


def commit(log, table):
    group, _ = log.take()
    table.groups.append(group)
    log.settle(group)
