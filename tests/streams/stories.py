"""What the tests of this folder write into a log, and how long they wait for it."""

import asyncio

from streams import sse

COMPLETE = {"type": "complete", "metadata": {}}


def token(content):
    return {"type": "token", "content": content}


def framed(*events):
    return b"".join(sse.frame(number, event) for number, event in enumerate(events, 1))


async def at_once(seconds):
    await asyncio.sleep(0)


async def settled(log):
    await asyncio.wait_for(log.settled(), 5)
