"""A disk that refuses, from the reader's side: nothing is lost, nothing is shown too early."""

import asyncio
import sqlite3

import pytest

from errors import Storage
from streams.follower import Follower as Position
from tests.inside import inside
from tests.serving import events, frames, is_problem, script, text, types, words
from tests.store.watched import Watched, on_disk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def leadstream(tmp_path, monkeypatch):
    """A server whose disk the test holds in its hand, and asks again without patience."""
    monkeypatch.setattr("server.Database", Watched)
    monkeypatch.setattr("streams.journal.RETRY_S", 0.01)
    async with inside(tmp_path) as leadstream:
        yield leadstream


def full(number, writes):
    raise Storage("The disk is full.", retry_after_s=5)


def no_poison(number, writes):
    """A database that has a rule against events in which poison stands."""
    for sql, values in writes:
        if "stream_tail" in sql and any(b'"poison' in row[-1] for row in values):
            raise sqlite3.IntegrityError("CHECK constraint failed: no poison")


class Follower:
    """Reads a stream in a task of its own and keeps its bytes."""

    def __init__(self, leadstream, stream_id):
        self.body = b""
        self.stream_id = stream_id
        self.task = asyncio.create_task(self._read(leadstream))

    async def _read(self, leadstream):
        async with leadstream.http.stream("GET", f"/api/stream/{self.stream_id}") as answer:
            async for part in answer.aiter_raw():
                self.body += part

    async def whole(self):
        await asyncio.wait_for(self.task, 10)
        return self.body


async def speaking(leadstream, stream_id):
    """The execution, once its first word is on the disk."""
    execution = leadstream.house.executions.running[stream_id]
    with Position(execution.log) as position:
        while b'"token"' not in on_disk(leadstream.house.database.path, stream_id):
            await position.next()
    return execution


@pytest.mark.parametrize("commit", [2, 4, 9])
async def test_a_reader_never_sees_a_byte_that_the_disk_has_not_taken(leadstream, commit):
    database = leadstream.house.database
    seen = []

    def refuse(number, writes):
        if commit <= number < commit + 5:
            seen.append((frames(follower.body), on_disk(database.path, follower.stream_id)))
            full(number, writes)

    started = await leadstream.start(script(words(40), pace_ms=3), detach=True)
    follower = Follower(leadstream, started["stream_id"])
    base = database.committed
    database.refuse = lambda number, writes: refuse(number - base, writes)
    body = await follower.whole()
    assert len(seen) == 5
    assert all(stored.startswith(shown) for shown, stored in seen)
    assert frames(body) == on_disk(database.path, started["stream_id"])
    assert types(body)[-1] == "complete"
    assert text(body) == words(40)


async def test_while_the_disk_refuses_nothing_is_started_and_the_server_says_why(leadstream):
    database = leadstream.house.database
    started = await leadstream.start(script(words(30), pace_ms=10), detach=True)
    database.refuse = full
    while not (refused := await leadstream.http.get("/readyz")).is_error:
        await database.asks.get()
    assert refused.status_code == 503
    assert refused.json() == {"status": "storage"}
    problem = is_problem(await leadstream.try_to_start(), 503, "storage")
    assert problem["retryable"] is True
    assert (await leadstream.http.get("/livez")).status_code == 200

    database.refuse = lambda number, writes: None
    assert text(await leadstream.read(started["stream_id"])) == words(30)
    assert (await leadstream.http.get("/readyz")).status_code == 200
    assert (await leadstream.try_to_start()).status_code == 201


async def test_rows_that_no_disk_can_take_end_their_stream_and_disturb_no_other(leadstream):
    database = leadstream.house.database
    database.refuse = no_poison
    poor = await leadstream.start(script("one two poison three four", pace_ms=20), detach=True)
    rich = await leadstream.start(script(words(30), pace_ms=5), detach=True)
    body = await leadstream.read(poor["stream_id"])
    assert types(body)[-1] == "error"
    assert text(body) == "one two "
    assert events(body)[-1]["error"]["status"] == 500
    assert text(await leadstream.read(rich["stream_id"])) == words(30)


async def test_a_stream_that_no_disk_can_take_has_ended_in_every_respect(leadstream):
    """Its row is not left running: the next process would write behind its end."""
    leadstream.house.database.refuse = no_poison
    started = await leadstream.start(script("one poison", pace_ms=20), detach=True)
    body = await leadstream.read(started["stream_id"])
    assert (await leadstream.execution(started["execution_id"]))["status"] == "failed"
    answer = await leadstream.http.post(started["stop_url"])
    assert answer.json()["status"] == "failed"
    assert frames(await leadstream.read(started["stream_id"])) == frames(body)


async def test_a_stop_that_comes_between_the_end_and_its_commit_answers_with_the_end(leadstream):
    database = leadstream.house.database
    started = await leadstream.start(script(words(3), pace_ms=20), detach=True)
    execution = await speaking(leadstream, started["stream_id"])
    follower = Follower(leadstream, started["stream_id"])
    database.open.clear()
    await asyncio.wait([execution._task])
    stopping = asyncio.create_task(leadstream.http.post(started["stop_url"]))
    await asyncio.wait([stopping], timeout=0.1)
    database.open.set()
    receipt = (await stopping).json()
    assert receipt["status"] == "success"
    assert receipt["metadata"] == events(await follower.whole())[-1]["metadata"]


async def test_whoever_waits_for_an_answer_has_it_when_it_is_on_the_disk(leadstream):
    """A call that is repeated between the end and its commit, say by a proxy."""
    database = leadstream.house.database
    same = {"json": {"message": script(words(3), pace_ms=20)}, "headers": {"Idempotency-Key": "k"}}
    url = "/api/agents/conversation"
    async with leadstream.http.stream("POST", f"{url}/stream", **same) as first:
        execution = await speaking(leadstream, first.headers["x-stream-id"])
        database.open.clear()
        await asyncio.wait([execution._task])
        waiting = asyncio.create_task(leadstream.http.post(f"{url}/execute", **same))
        await asyncio.wait([waiting], timeout=0.1)
        database.open.set()
        answer = (await waiting).json()
    assert (answer["status"], answer["text"]) == ("success", words(3))


async def test_a_start_that_the_disk_does_not_take_in_time_is_refused_and_leaves_nothing(
    leadstream, monkeypatch
):
    monkeypatch.setattr("executions.running.START_COMMIT_S", 0.05)
    database = leadstream.house.database
    database.open.clear()
    is_problem(await leadstream.try_to_start(), 503, "storage")
    database.open.set()
    assert (await leadstream.try_to_start()).status_code == 201
    items = (await leadstream.http.get("/api/executions")).json()["items"]
    assert [item["status"] for item in items[1:]] in ([], ["failed"])


async def test_the_first_word_is_on_the_disk_before_anything_behind_it_is_looked_at(leadstream):
    groups = []
    leadstream.house.database.refuse = lambda number, writes: groups.extend(
        row[-1] for sql, rows in writes if "stream_tail" in sql for row in rows
    )
    started = await leadstream.start(script(words(9)), detach=True)
    assert text(await leadstream.read(started["stream_id"])) == words(9)
    first, *_ = [group for group in groups if b'"token"' in group]
    assert text(first) == "w1 "
