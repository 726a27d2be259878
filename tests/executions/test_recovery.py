"""What the next process does with what the last one left, when that is not what it expects."""

import sqlite3
from contextlib import closing

import pytest

from tests.inside import inside
from tests.serving import events, last_id, rows, script, serve, text, types, words

OPEN = "SELECT COUNT(*) FROM agent_executions WHERE status IN ('pending', 'running')"


def left_open(server, **options):
    """A stream that is cut in the middle when the server is killed next."""
    start = server.start(script(words(100), pace_ms=5), detach=True, **options)
    with server.follow(start["stream_id"]) as reading:
        reading.until(b'"token"', times=3)
    return start


def change(server, sql, *values):
    """What another version of Leadstream, or an operator, might have done to the file."""
    with closing(sqlite3.connect(server.database)) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1


UNFIT = (
    """agent_type = 'retired'""",
    """input = '{"message": 5}'""",
    """input = '{"text": "hello"}'""",
    """options = '{"start": {"tempo": 1}, "lead": null}'""",
)
"""What another version may have left of an execution that this one cannot go on with."""


def test_a_stream_that_cannot_be_taken_up_ends_and_keeps_no_other_from_it(tmp_path):
    with serve(tmp_path) as server:
        lost, kept = [left_open(server) for _ in UNFIT], left_open(server)
        server.kill()
        for start, unfit in zip(lost, UNFIT, strict=True):
            sql = f"UPDATE agent_executions SET {unfit} WHERE execution_id = ?"
            change(server, sql, start["execution_id"])
        server.run()
        for start in lost:
            assert types(server.read(start["stream_id"]))[-1] == "error"
        assert text(server.read(kept["stream_id"])) == words(100)
        assert rows(server.database, OPEN) == [(0,)]


def test_a_stream_that_dies_before_its_first_event_is_given_up_too(tmp_path):
    """As one would whose input kills the process: nothing but its start was ever stored."""
    with serve(tmp_path, recovery_attempts=2) as server:
        start = left_open(server)
        for _ in range(3):
            server.kill()
            with closing(sqlite3.connect(server.database)) as connection, connection:
                connection.execute("DELETE FROM stream_events WHERE first_id > 1")
                connection.execute("DELETE FROM stream_tail WHERE first_id > 1")
            server.run()
            with server.follow(start["stream_id"]) as reading:
                reading.until(b'"start"').until(b"\nid: 2")
        body = server.read(start["stream_id"])
        assert events(body)[-1]["error"]["code"] == "interrupted"


def test_a_conversation_that_is_taken_up_again_is_not_its_own_past(tmp_path):
    """Its first half was said already: the second time the model is told the same, not more."""
    with serve(tmp_path) as server:
        turn = {"conversation_id": "talk"}
        server.read(server.start("one two three", more=turn)["stream_id"])
        start = left_open(server, more=turn)
        server.kill()
        server.run()
        body = server.read(start["stream_id"])
        told = len(("one two three " * 2 + script(words(100), pace_ms=5)).split())
        assert events(body)[-1]["metadata"]["attempts"][-1]["input_tokens"] == told
        said = server.http.get("/api/conversations/talk").json()["items"]
        assert [message["role"] for message in said] == ["user", "assistant"] * 2
        assert said[-1]["content"] == words(100)


@pytest.mark.anyio
async def test_a_reader_who_has_all_of_a_stream_that_goes_on_elsewhere_is_not_told_that_it_ended(
    tmp_path,
):
    """204 would make an EventSource stop for ever, though the next process goes on."""
    async with inside(tmp_path) as leadstream:
        start = await leadstream.start(script(words(300), pace_ms=50), detach=True)
        log = leadstream.house.executions.running[start["stream_id"]].log
        await leadstream.house.executions.drain(0)
        await log.settled()
        # Nobody writes it any more, so sooner or later the garbage collector does this:
        leadstream.house.journal._logs.pop(start["stream_id"], None)
        seen = await leadstream.read(start["stream_id"], "?live=0")
        answer = await leadstream.http.get(
            f"/api/stream/{start['stream_id']}?live=0", headers={"last-event-id": last_id(seen)}
        )
        assert answer.status_code != 204
