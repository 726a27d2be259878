"""The journal: what it has not committed nobody has seen, whatever the disk does."""

import asyncio

import pytest

from errors import Storage
from store import streams
from store.database import Write
from streams import sse
from streams.follower import Follower
from streams.journal import Journal
from tests.store.watched import DUPLICATE, on_disk
from tests.streams.stories import COMPLETE, at_once, framed, settled, token

pytestmark = pytest.mark.anyio


class Reader:
    """Follows in a task of its own; everything that it is given was on the disk before."""

    def __init__(self, log, database, after=0):
        self.seen = b""
        self._log, self._database, self._after = log, database, after
        self.task = asyncio.create_task(self._read())

    async def _read(self):
        with Follower(self._log, self._after) as follower:
            while (given := await follower.next()) is not None:
                self.seen += given
                assert given in on_disk(self._database.path, self._log.stream_id)

    async def whole(self):
        await asyncio.wait_for(self.task, 5)
        return self.seen


async def test_an_event_is_shown_only_after_its_commit(database, journal):
    log = journal.open("st")
    reader = Reader(log, database)
    database.open.clear()
    log.append(token("one"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert reader.seen == b""
    assert database.asks.qsize() == 1

    database.open.set()
    log.append(COMPLETE)
    assert await reader.whole() == framed(token("one"), COMPLETE)


@pytest.mark.parametrize("commit", [1, 2, 3, 5, 8])
async def test_a_disk_that_refuses_a_commit_delays_the_stream_and_takes_nothing(
    database, journal, commit
):
    """Three times the disk says no, and nobody has seen a byte of what it did not take."""
    seen_while_refused = []

    def refuse(number, writes):
        if commit <= number < commit + 3:
            seen_while_refused.append((reader.seen, on_disk(database.path, "st")))
            raise Storage("The disk is full.")

    database.refuse = refuse
    log = journal.open("st")
    reader = Reader(log, database)
    said = [token(f"w{number}") for number in range(10)]
    for event in said:
        log.append(event)
        await settled(log)
    log.append(COMPLETE)

    assert await reader.whole() == framed(*said, COMPLETE)
    assert len(seen_while_refused) == 3
    assert all(seen == stored for seen, stored in seen_while_refused)
    assert not journal.stalled


async def test_a_journal_says_that_the_disk_refuses_until_it_takes_writes_again(database):
    refusing = asyncio.Event()

    async def wait_for_space(seconds):
        refusing.set()
        await asyncio.sleep(0)

    def refuse(number, writes):
        raise Storage("The disk is full.")

    database.refuse = refuse
    async with Journal(database, interval_s=0, sleep=wait_for_space) as journal:
        log = journal.open("st")
        log.append(token("one"))
        await refusing.wait()
        assert journal.stalled
        database.refuse = lambda number, writes: None
        await settled(log)
        assert not journal.stalled


async def test_a_row_that_can_never_be_written_ends_its_stream_and_no_other(database, journal):
    poor, rich = journal.open("poor"), journal.open("rich")
    readers = [Reader(poor, database), Reader(rich, database)]
    poor.append(token("kept"))
    await settled(poor)
    poor.append(token("never shown"), DUPLICATE)
    rich.append(token("one"))
    rich.append(COMPLETE)

    assert await readers[1].whole() == framed(token("one"), COMPLETE)
    found = list(sse.events(await readers[0].whole()))
    assert [(number, event["type"]) for number, event in found] == [(1, "token"), (2, "error")]
    assert found[0][1]["content"] == "kept"
    assert found[1][1]["error"]["status"] == 500
    with pytest.raises(RuntimeError, match="has ended"):
        poor.append(token("late"))


async def test_what_is_appended_while_a_commit_fails_for_good_is_not_shown_either(
    database, journal
):
    log = journal.open("st")
    reader = Reader(log, database)
    database.open.clear()
    log.append(token("never shown"), DUPLICATE)
    await database.asks.get()
    log.append(token("nor this"))
    database.open.set()
    assert [event["type"] for _, event in sse.events(await reader.whole())] == ["error"]


async def test_whoever_waits_for_events_that_can_never_be_written_is_told_in_the_end(
    database, journal
):
    log = journal.open("st")
    log.append(token("one"), DUPLICATE)
    log.append(token("two"))
    await settled(log)


async def test_rows_that_belong_to_no_stream_take_no_stream_with_them(database):
    """What is saved beside a group, once a second, is not the stream's fault."""
    now, beside = 0.0, [DUPLICATE]
    async with Journal(
        database, interval_s=0, sleep=at_once, beside=lambda: beside, clock=lambda: now
    ) as journal:
        log = journal.open("st")
        reader = Reader(log, database)
        log.append(token("one"))
        await settled(log)
        now = 10.0
        log.append(token("two"))
        while await database.asks.get() < 2:
            pass
        beside.clear()
        log.append(COMPLETE)
        assert await reader.whole() == framed(token("one"), token("two"), COMPLETE)


@pytest.mark.parametrize(
    ("streams", "waits"),
    [(1, []), (2, [0.005]), (3, [0.01]), (16, [0.01]), (24, [0.015]), (80, [0.02])],
)
async def test_a_quiet_journal_commits_at_once_and_a_busy_one_in_groups(database, streams, waits):
    """Time stands still: what the journal sleeps is what it would have waited."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    async with Journal(database, interval_s=0.01, clock=lambda: 5.0, sleep=sleep) as journal:
        logs = [journal.open(f"st_{number}") for number in range(streams)]
        for log in logs:
            log.append(token("first"))
        await settled(logs[-1])
        assert slept == []
        for number in range(100):
            logs[0].append(token(f"w{number}"))
        await settled(logs[0])
        assert slept == pytest.approx(waits)
        assert database.committed == 2


async def test_rows_and_the_event_that_makes_them_true_are_committed_together(database, journal):
    log = journal.open("st")
    created = Write(
        "INSERT INTO streams (stream_id, created_at) VALUES (:stream_id, :at)",
        {"stream_id": "st", "at": "now"},
    )
    database.open.clear()
    log.append(token("one"), created)
    await database.asks.get()
    assert await streams.find(database, "", "st") is None
    database.open.set()
    await settled(log)
    assert await streams.find(database, "", "st") == {"ended_at": None, "last": 1}
    assert database.committed == 1


async def test_a_journal_that_closes_commits_what_is_left(database):
    async with Journal(database, interval_s=100) as journal:
        log = journal.open("st")
        log.append(token("first"))
        await settled(log)
        log.append(COMPLETE)
    assert on_disk(database.path, "st") == framed(token("first"), COMPLETE)


async def test_a_journal_that_closes_during_a_commit_makes_one_more_for_what_came_meanwhile(
    database,
):
    async with Journal(database, interval_s=0, sleep=at_once) as journal:
        log = journal.open("st")
        database.open.clear()
        log.append(token("one"))
        await database.asks.get()
        log.append(COMPLETE)
        asyncio.get_running_loop().call_soon(database.open.set)
    assert on_disk(database.path, "st") == framed(token("one"), COMPLETE)


async def test_a_journal_that_closes_does_not_wait_for_a_disk_that_refuses(database):
    def refuse(number, writes):
        raise Storage("The disk is full.")

    async with Journal(database, interval_s=0, sleep=at_once) as journal:
        log = journal.open("st")
        reader = Reader(log, database)
        database.refuse = refuse
        log.append(token("never shown"))
    reader.task.cancel()
    await asyncio.wait([reader.task])
    assert reader.seen == b""
    assert on_disk(database.path, "st") == b""
