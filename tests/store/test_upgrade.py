"""Every earlier schema, with data in it, is opened by this version: nothing is lost."""

import json
import sqlite3

import pytest

from tests.serving import ROOT, events, frames, serve, text, types

STEPS = sorted((ROOT / "store" / "migrations").glob("*.sql"))
AT = "2026-01-01T00:00:00+00:00"
WORDS = "Hello Ada"

EVENTS = [
    {"type": "start", "stream_id": "st_1", "execution_id": "ex_1", "agent_type": "conversation"},
    {"type": "token", "content": WORDS},
    {"type": "complete", "metadata": {}, "result": None},
]
FRAMES = b"".join(
    b"id: %d\ndata: %b\n\n" % (number, json.dumps(event).encode())
    for number, event in enumerate(EVENTS, 1)
)
INPUT = json.dumps({"message": WORDS, "conversation_id": "cv_1"})
OPTIONS = json.dumps({"start": {"on_failure": "restart"}, "lead": {"first_name": "Ada"}})


def earlier(path, number):
    """A database as it was left by a version whose newest schema was `number`.

    What the first schema has, so that every later one is given the same to keep: a lead, a stream
    that has ended with its message, and one that a killed process has left open.
    """
    connection = sqlite3.connect(path)
    for step in STEPS[:number]:
        connection.executescript(step.read_text())
    lead = json.dumps({"first_name": "Ada", "email": "ada@example.com"})
    execution = (
        "INSERT INTO agent_executions (execution_id, stream_id, agent_type, lead_id, status, input,"
        " options, text, created_at) VALUES (?, ?, 'conversation', 'ld_1', ?, ?, ?, ?, ?)"
    )
    stream = "INSERT INTO streams (stream_id, created_at, ended_at) VALUES"
    events = "INSERT INTO stream_events (stream_id, first_id, last_id, frames) VALUES (?, 1, ?, ?)"
    first = FRAMES.split(b"\n\n")[0] + b"\n\n"
    for sql, *values in [
        (
            "INSERT INTO leads (lead_id, email, lead, created_at, updated_at)"
            " VALUES ('ld_1', 'ada@example.com', ?, ?, ?)",
            *(lead, AT, AT),
        ),
        (f"{stream} ('st_1', ?, ?)", AT, "2999" + AT[4:]),
        (f"{stream} ('st_2', ?, NULL)", AT),
        (execution, "ex_1", "st_1", "success", INPUT, OPTIONS, WORDS, AT),
        (execution, "ex_2", "st_2", "running", INPUT, OPTIONS, None, AT),
        (events, "st_1", 3, FRAMES),
        (events, "st_2", 1, first.replace(b"st_1", b"st_2").replace(b"ex_1", b"ex_2")),
        (
            "INSERT INTO conversation_messages"
            " (conversation_id, execution_id, role, content, created_at)"
            " VALUES ('cv_1', 'ex_1', 'assistant', ?, ?)",
            *(WORDS, AT),
        ),
    ]:
        connection.execute(sql, values)
    connection.execute(f"PRAGMA user_version = {number}")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("number", range(1, len(STEPS)), ids=lambda n: STEPS[n - 1].stem)
def test_a_database_of_an_earlier_schema_goes_on(tmp_path, number):
    earlier(tmp_path / "leadstream.db", number)
    with serve(tmp_path) as server:
        assert frames(server.read("st_1")) == FRAMES
        recovered = server.read("st_2")
        assert types(recovered)[:2] == ["start", "reset"]
        assert types(recovered)[-1] == "complete"
        assert text(recovered).endswith(WORDS)
        assert server.execution("ex_1")["text"] == WORDS
        assert events(server.read(server.start()["stream_id"]))[-1]["type"] == "complete"
        assert server.http.get("/api/leads/ld_1").json()["email"] == "ada@example.com"
        said = server.http.get("/api/conversations/cv_1").json()["items"]
        assert said[0]["content"] == WORDS
    schema = sqlite3.connect(tmp_path / "leadstream.db")
    assert schema.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    schema.close()
