"""The SQLite file: whole transactions, one writer, and faults that are told apart."""

import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime

import pytest

from errors import Storage
from store import leads
from store.database import READERS, Database, Write
from store.lock import server_lock
from tests.serving import serve
from tests.store.watched import DUPLICATE

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        yield database


def created(stream_id):
    return Write(
        "INSERT INTO streams (stream_id, created_at) VALUES (:stream_id, 'now')",
        {"stream_id": stream_id},
    )


async def stream_ids(database):
    return [r["stream_id"] for r in await database.rows("SELECT stream_id FROM streams")]


@contextlib.asynccontextmanager
async def full_disk(database):
    """The file may not grow: SQLite itself says SQLITE_FULL."""
    writer = database._writer
    pages = (await (await writer.execute("PRAGMA page_count")).fetchone())[0]
    await writer.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        await writer.execute("PRAGMA max_page_count = 1000000")


async def test_a_full_disk_is_a_storage_problem_and_leaves_nothing_half_written(database):
    long = {"notes": "x" * 100_000}
    async with full_disk(database):
        with pytest.raises(Storage):
            await database.write(created("one"), leads.saved("", "lead", long, NOW))
    assert await stream_ids(database) == []
    await database.write(created("one"), leads.saved("", "lead", long, NOW))
    assert await stream_ids(database) == ["one"]


async def test_a_row_that_breaks_a_rule_is_our_mistake_and_no_storage_problem(database):
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(created("one"), DUPLICATE)
    assert await stream_ids(database) == []


async def test_a_write_whose_waiter_is_cancelled_is_whole_or_not_there(database):
    """Whoever waits may leave at any moment; the next transaction begins on clean ground."""
    for number in range(50):
        writing = asyncio.create_task(database.write(created(f"a{number}"), created(f"b{number}")))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    await database.write(created("last"))
    found = set(await stream_ids(database))
    assert "last" in found
    assert {name[1:] for name in found if name[0] == "a"} == {
        name[1:] for name in found if name[0] == "b"
    }


async def test_a_commit_has_reached_the_disk_before_anybody_is_told(database):
    settings = [
        await (await database._writer.execute(f"PRAGMA {name}")).fetchone()
        for name in ("journal_mode", "synchronous")
    ]
    assert settings == [("wal",), (2,)]


async def test_a_reader_cannot_write(database):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.rows("INSERT INTO streams (stream_id, created_at) VALUES ('x', 'now')")


async def test_many_may_read_at_once(database):
    await database.write(created("one"))
    found = await asyncio.gather(*(stream_ids(database) for _ in range(20)))
    assert found == [["one"]] * 20


async def test_what_was_written_is_there_after_a_restart(tmp_path):
    for number in range(2):
        async with Database(tmp_path / "leadstream.db") as database:
            await database.write(created(f"st{number}"))
    async with Database(tmp_path / "leadstream.db") as database:
        assert await stream_ids(database) == ["st0", "st1"]


async def test_a_damaged_file_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "leadstream.db"
    damaged = b"SQLite format 3\x00" + b"not a database at all " * 500
    path.write_bytes(damaged)
    with pytest.raises(Storage):
        async with Database(path):
            pass
    assert path.read_bytes() == damaged


async def test_a_file_that_is_damaged_further_inside_is_refused_too(tmp_path):
    path = tmp_path / "leadstream.db"
    async with Database(path) as database:
        await database.write(*(created(f"st{number}") for number in range(1000)))
    whole = path.read_bytes()
    damaged = whole[: len(whole) // 2] + b"\xff" * 8192 + whole[len(whole) // 2 + 8192 :]
    path.write_bytes(damaged)
    with pytest.raises(Storage):
        async with Database(path):
            pass
    assert path.read_bytes() == damaged


async def test_a_file_that_a_newer_leadstream_wrote_is_refused(tmp_path):
    path = tmp_path / "leadstream.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(Storage, match="newer"):
        async with Database(path):
            pass


def test_two_servers_do_not_share_a_database(tmp_path):
    with serve(tmp_path) as server:
        with pytest.raises(Storage, match="Another Leadstream"), server_lock(server.database):
            pass
        with pytest.raises(AssertionError, match="Another Leadstream serves"), serve(tmp_path):
            pass
        assert server.http.get("/readyz").status_code == 200


async def test_a_read_that_is_cancelled_leaves_no_reader_in_the_past(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        for number in range(30):
            reading = asyncio.create_task(database.rows("SELECT * FROM streams"))
            for _ in range(number % 6):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            await database.write(
                Write(
                    "INSERT INTO streams (stream_id, created_at) VALUES (:id, 'now')",
                    {"id": f"st_{number}"},
                )
            )
            for _ in range(READERS):
                found = await database.row("SELECT COUNT(*) AS count FROM streams")
                assert found == {"count": number + 1}


def file_and_wal(database):
    wal = database.path.with_name(database.path.name + "-wal")
    return database.path.read_bytes() + wal.read_bytes()


async def test_a_rewritten_file_holds_nothing_that_was_removed(database):
    await database._writer.execute("PRAGMA secure_delete = OFF")  # as most builds have it
    await database.write(
        *(leads.saved("", f"planted-{n}", {"notes": "x"}, NOW) for n in range(500))
    )
    await database.write(*(leads.removed("", f"planted-{n}") for n in range(500)))
    assert b"planted-" in file_and_wal(database)
    assert await database.rewrite()
    assert b"planted-" not in file_and_wal(database)


async def test_a_rewrite_waits_for_a_reader_of_the_old_state(database):
    await database.write(leads.saved("", "planted", {}, NOW))
    with contextlib.closing(sqlite3.connect(database.path)) as reader:
        reader.execute("PRAGMA wal_autocheckpoint = 0")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM leads").fetchone()
        await database.write(leads.removed("", "planted"))
        rewriting = asyncio.create_task(database.rewrite())
        await database.write(created("meanwhile"))
        assert not rewriting.done()
        reader.execute("COMMIT")
        assert await rewriting
    assert b"planted" not in file_and_wal(database)
    assert await stream_ids(database) == ["meanwhile"]
