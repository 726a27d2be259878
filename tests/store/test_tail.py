"""The tail: what streams said of late is in one table, and is gathered where each one's log is."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from store import streams
from store.database import Database
from streams import sse
from streams.journal import Journal
from streams.retention import remove_before
from tests.serving import rows
from tests.store.watched import on_disk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        yield database


def framed(first, last, word="w"):
    return b"".join(
        sse.frame(number, {"type": "token", "content": f"{word}{number} ä\0"})
        for number in range(first, last + 1)
    )


async def said(database, *groups):
    """Groups `(stream_id, first, last)`, each in a commit of its own."""
    for stream_id, first, last in groups:
        row = (stream_id, first, last, framed(first, last, stream_id))
        await database.write(streams.events([row]))


def stored(database, table):
    return rows(database.path, f"SELECT stream_id, first_id, last_id FROM {table} ORDER BY 1, 2")


async def test_groups_are_gathered_in_their_order_however_streams_take_turns(database):
    await said(database, *((name, n, n) for n in range(1, 100) for name in ("b", "a", "c")))
    before = [on_disk(database.path, name) for name in "abc"]
    await database.transact(streams.gather)
    assert [on_disk(database.path, name) for name in "abc"] == before
    assert before == [framed(1, 99, name) for name in "abc"]
    assert stored(database, "stream_tail") == []
    gathered = [(1, 31), (32, 63), (64, 95), (96, 99)]
    assert stored(database, "stream_events") == [(name, *row) for name in "abc" for row in gathered]


async def test_a_group_is_never_divided(database):
    await said(database, ("a", 1, 30), ("a", 31, 200), ("a", 201, 201), ("a", 202, 202))
    await database.transact(streams.gather)
    assert stored(database, "stream_events") == [("a", 1, 200), ("a", 201, 202)]
    assert on_disk(database.path, "a") == framed(1, 202, "a")


async def test_what_comes_behind_is_gathered_behind(database):
    await said(database, ("a", 1, 3), ("b", 1, 1))
    await database.transact(streams.gather)
    await said(database, ("a", 4, 5))
    await database.transact(streams.gather)
    await database.transact(streams.gather)
    assert stored(database, "stream_events") == [("a", 1, 3), ("a", 4, 5), ("b", 1, 1)]


@pytest.mark.parametrize("after", [0, 2, 3, 4, 6, 7, 8])
async def test_a_page_goes_on_from_what_is_gathered_to_what_is_not(database, after):
    await said(database, ("a", 1, 2), ("a", 3, 4), ("b", 1, 9))
    await database.transact(streams.gather)
    await said(database, ("a", 5, 5), ("b", 10, 10), ("a", 6, 8))
    page = await streams.page(database, "a", after)
    read = sse.after(b"".join(row["frames"] for row in page), after)
    assert read == framed(after + 1, 8, "a")


@pytest.mark.parametrize("gathered", [0, 1, 50, 200])
async def test_page_behind_page_has_all_of_a_stream_wherever_it_stands(database, gathered):
    for number in range(1, 201):
        await said(database, ("a", number, number), ("b", number, number))
        if number == gathered:
            await database.transact(streams.gather)
    read, after = b"", 0
    for _ in range(7):
        page = await streams.page(database, "a", after)
        read += sse.after(b"".join(row["frames"] for row in page), after)
        after = page[-1]["last_id"] if page else after
    assert read == framed(1, 200, "a")


async def test_a_gathering_that_breaks_leaves_everything_where_it_was(database):
    await said(database, ("a", 1, 2), ("b", 1, 1))
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute("INSERT INTO stream_events VALUES ('b', 1, 1, 'in the way')")
    with pytest.raises(sqlite3.IntegrityError):
        await database.transact(streams.gather)
    assert stored(database, "stream_tail") == [("a", 1, 2), ("b", 1, 1)]
    assert on_disk(database.path, "a") == framed(1, 2, "a")


async def test_events_whose_time_is_over_go_also_where_they_are_still_in_the_tail(database):
    now = datetime.now(UTC)
    await database.write(streams.created("a", "", now), streams.ended("a", now))
    await said(database, ("a", 1, 2))
    await database.transact(streams.gather)
    await said(database, ("a", 3, 3), ("b", 1, 1))
    assert await remove_before(database, now + timedelta(seconds=1)) == 1
    assert on_disk(database.path, "a") == b""
    assert stored(database, "stream_log") == [("b", 1, 1)]


async def test_a_journal_gathers_what_an_earlier_process_has_left(database):
    await said(database, ("a", 1, 1), ("a", 2, 2))
    async with Journal(database):
        assert stored(database, "stream_events") == [("a", 1, 2)]


async def test_a_journal_gathers_when_the_tail_is_long(database, monkeypatch):
    monkeypatch.setattr("streams.journal.GATHER_ROWS", 4)
    async with Journal(database) as journal:
        log = journal.open("a")
        for number in range(1, 7):
            log.append({"type": "token", "content": f"a{number} ä\0"})
            await log.settled()
    assert stored(database, "stream_events") == [("a", 1, 4)]
    assert on_disk(database.path, "a") == framed(1, 6, "a")


async def test_a_journal_whose_tail_cannot_be_gathered_goes_on(database, monkeypatch, caplog):
    monkeypatch.setattr("streams.journal.GATHER_ROWS", 2)
    async with Journal(database) as journal:
        log = journal.open("a")
        with closing(sqlite3.connect(database.path)) as other, other:
            other.execute("INSERT INTO stream_events VALUES ('a', 1, 1, 'in the way')")
        for number in range(1, 6):
            log.append({"type": "token", "content": f"a{number} ä\0"})
            await log.settled()
    assert stored(database, "stream_tail") == [("a", number, number) for number in range(1, 6)]
    assert "cannot be gathered" in caplog.text


async def test_a_journal_does_not_begin_over_a_tail_that_stays(database):
    await said(database, ("a", 1, 1), ("a", 2, 2))
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute("INSERT INTO stream_events VALUES ('a', 1, 1, 'in the way')")
    with pytest.raises(sqlite3.IntegrityError):
        async with Journal(database):
            pass
