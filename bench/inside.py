"""Parts by themselves, in this process: the log's fan-out, the journal's commits, and the disk."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench.streaming import percentile
from store.database import Database
from streams.follower import Follower
from streams.journal import Journal
from streams.log import Group, Log

_WAL_BYTES, _COMMIT_BYTES = 4 << 20, 32 << 10

TOKEN = {"type": "token", "content": " word"}


def fan_out_us(followers: int, events: int = 500) -> float:
    """CPU microseconds to hand one event to one follower, without a socket."""
    return uvloop.run(_fan_out(followers, events))


def journal_us(folder: Path, streams: int, events: int) -> float:
    """CPU microseconds of one event from `append` to durable, with so many streams a group."""
    return uvloop.run(_journal(folder, streams, events))


def disk_ms(folder: Path, writes: int) -> tuple[float, float, float]:
    """Median, 99th percentile and worst of the time that the disk takes for what the busy journal
    asks of it 50 times a second, with nothing of Leadstream in between."""
    took = []
    with (folder / "disk").open("wb", buffering=0) as file:
        file.write(bytes(_WAL_BYTES))
        os.fsync(file)
        for number in range(writes):
            time.sleep(0.02)
            file.seek(number * _COMMIT_BYTES % _WAL_BYTES)
            began = time.perf_counter()
            file.write(os.urandom(_COMMIT_BYTES))
            os.fdatasync(file)
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return percentile(took, 50), percentile(took, 99), took[-1]


async def _fan_out(followers: int, events: int) -> float:
    log = Log("bench", _stored)
    readers = [asyncio.create_task(_follow(log)) for _ in range(followers)]
    await asyncio.sleep(0)
    began = time.process_time()
    for number in range(events):
        log.append({"type": "complete"} if number == events - 1 else TOKEN)
        group, _ = log.take()
        log.settle(group)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    delivered = sum(await asyncio.gather(*readers))
    return (time.process_time() - began) * 1e6 / delivered


async def _follow(log: Log) -> int:
    seen = 0

    def pour(frames: bytes) -> bool:
        """As a connection does that has room."""
        nonlocal seen
        chunk = b"%x\r\n%b\r\n" % (len(frames), frames)
        seen += 1
        return bool(chunk)

    with Follower(log) as follower:
        follower.pour = pour
        while await follower.next() is not None:
            seen += 1
    return seen


async def _stored(stream_id: str, after: int) -> Group | None:
    return None


async def _journal(folder: Path, streams: int, events: int) -> float:
    async with (
        Database(folder / f"{streams}.db") as database,
        Journal(database, interval_s=0.01) as journal,
    ):
        logs = [journal.open(f"st_{number}") for number in range(streams)]
        await _round(logs)
        began = time.process_time()
        for _ in range(events):
            await _round(logs)
        return (time.process_time() - began) * 1e6 / (events * streams)


async def _round(logs: Sequence[Log]) -> None:
    for log in logs:
        log.append(TOKEN)
    await logs[-1].settled()
