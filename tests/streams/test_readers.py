"""Readers that come and go while a journal writes: each has every event once, in order."""

import asyncio
import random

import pytest

from streams.follower import Follower
from tests.store.watched import on_disk
from tests.streams.stories import COMPLETE, framed, settled, token

pytestmark = pytest.mark.anyio


async def write(log, events, dice):
    """Append with pauses of any kind, so that groups come in all sizes."""
    for event in events:
        log.append(event)
        for _ in range(dice.choice([0, 0, 0, 1, 4])):
            await asyncio.sleep(0)
        if dice.random() < 0.1:
            await settled(log)


async def read_impatiently(log, database, dice):
    """Drop the stream after a few events, and come back for the rest, until there is none."""
    seen, after = b"", 0
    while not (log.whole and after == log.last):
        with Follower(log, after) as follower:
            for _ in range(dice.randint(1, 5)):
                given = await follower.next() or b""
                assert given in on_disk(database.path, log.stream_id)
                seen, after = seen + given, follower.position
    return seen


@pytest.mark.parametrize("seed", range(6))
async def test_readers_that_come_and_go_miss_nothing_while_many_streams_are_written(
    database, journal, monkeypatch, seed
):
    monkeypatch.setattr("streams.log.KEEP_BYTES", 200)
    monkeypatch.setattr("streams.journal.GATHER_ROWS", 7)
    dice = random.Random(seed)
    logs = [journal.open(f"st{number}") for number in range(3)]
    stories = [[token("x" * dice.randint(0, 60)) for _ in range(80)] + [COMPLETE] for _ in logs]
    reading = [
        asyncio.create_task(read_impatiently(log, database, dice)) for log in logs for _ in "abc"
    ]
    await asyncio.gather(*(write(log, s, dice) for log, s in zip(logs, stories, strict=True)))
    found = await asyncio.wait_for(asyncio.gather(*reading), 10)
    assert found == [framed(*story) for story in stories for _ in "abc"]
