"""Erasure: no table, no file and no later backup holds the person, and the person stays away."""

import sqlite3
import subprocess
import sys
import threading

import pytest

from tests.keys.keyed import bearer, made, started
from tests.serving import ROOT, environment, frames, is_problem, rows, script, serve, types, words
from tests.workflows import dropped
from tests.workflows.dropped import serve_trial

DANA = {
    "email": "Dana.Planted@quill.example",
    "first_name": "Plantedfirst",
    "notes": "planted-note: we reconcile by hand",
    "messages": [{"role": "lead", "text": "planted-message"}],
}
PLANTED = (b"planted", b"quill.example", b"dana-1")


@pytest.fixture
def server(tmp_path):
    with serve(tmp_path) as server:
        yield server


def erase(server, lead_id, status=200):
    answer = server.http.delete(f"/api/leads/{lead_id}?reason=erasure")
    assert answer.status_code == status, answer.text
    return answer.json()


def dumped(database):
    """Every row of every table, as text."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()


def found_in(data):
    """What was planted and is there, also where SQLite writes bytes as hexadecimal digits."""
    data = data.lower()
    return [word for word in PLANTED if word in data or word.hex().encode() in data]


def planted(server):
    """A lead with everything that can belong to it; the ids of its executions' streams."""
    lead = {**DANA, "id": "dana-1"}
    assert server.http.post("/api/leads", json=lead).status_code == 201
    talk = {"conversation_id": "cv-planted"}
    first = server.start(
        script("planted answer to Plantedfirst"),
        lead_id="dana-1",
        lead=lead,
        more=talk,
        headers={"Idempotency-Key": "planted-key"},
    )
    server.read(first["stream_id"])
    broken = server.start(
        script("planted half", fail_after=1, fault="upstream_reset"), lead_id="dana-1", lead=None
    )
    server.read(broken["stream_id"])
    qualified = server.http.post(
        "/api/agents/qualification/execute", json={"lead_id": "dana-1", "provider": "scripted"}
    )
    assert qualified.status_code < 500 or qualified.status_code == 502
    # Somebody goes on with the conversation and does not say which lead it is about.
    apart = server.http.post(
        "/api/agents/conversation/execute",
        json={"message": script("planted again"), **talk},
    )
    assert apart.status_code == 200, apart.text
    return first, broken


def test_after_an_erasure_nothing_holds_the_person(server, tmp_path):
    first, _ = planted(server)
    assert set(found_in(dumped(server.database))) == set(PLANTED)
    answer = erase(server, "dana-1")
    assert answer == {
        "lead_id": "dana-1", "leads": 1, "executions": 4, "suppressed": True,
        "file_rewritten": True,
    }  # fmt: skip
    assert found_in(dumped(server.database)) == []
    for suffix in ("", "-wal"):
        file = server.database.with_name(server.database.name + suffix)
        assert found_in(file.read_bytes()) == [], suffix
    backup = tmp_path / "backup.db"
    done = subprocess.run(
        [sys.executable, "server.py", "backup", str(backup)], cwd=ROOT, env=environment(tmp_path)
    )
    assert done.returncode == 0
    assert found_in(backup.read_bytes()) == []
    assert found_in(server.logged().encode()) == []
    # What it cost stays, without a word of what it was about.
    row = server.execution(first["execution_id"])
    assert row["metadata"]["output_tokens"] > 0
    assert (row["lead_id"], row["input"], row["text"]) == (None, {}, None)
    is_problem(server.http.get("/api/leads/dana-1"), 404, "unknown_lead")
    is_problem(server.http.get(first["stream_url"]), 410, "gone")
    is_problem(server.http.get("/api/conversations/cv-planted"), 404, "unknown_conversation")


def test_every_table_that_names_somebody_is_covered(server):
    """A new table is covered by its columns: one that has none of them must hold nobody."""
    nobody = {
        "streams", "provider_state", "seller_profiles", "suppressed", "suppression_secret",
        "api_keys", "signing_secrets",
    }  # fmt: skip
    covered = {
        table
        for table, column in rows(
            server.database,
            "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
            " WHERE t.type = 'table'",
        )
        if column in ("execution_id", "stream_id", "lead_id")
    }
    tables = {name for (name,) in rows(server.database, "SELECT name FROM sqlite_schema"
                                       " WHERE type = 'table'")}  # fmt: skip
    assert tables - covered <= nobody


def test_other_people_lose_nothing(server):
    kept = server.start("hello", lead_id="ben", lead={"email": "ben@b.example"})
    body = server.read(kept["stream_id"])
    before = server.execution(kept["execution_id"])
    planted(server)
    erase(server, "dana-1")
    assert server.execution(kept["execution_id"]) == before
    assert frames(server.read(kept["stream_id"])) == frames(body)
    assert server.http.get("/api/leads/ben").json()["email"] == "ben@b.example"


def test_the_same_address_under_another_id_is_the_same_person(server):
    server.http.post("/api/leads", json={**DANA, "id": "dana-1"})
    server.http.post("/api/leads", json={**DANA, "id": "other", "email": DANA["email"].upper()})
    assert erase(server, "dana-1")["leads"] == 2
    is_problem(server.http.get("/api/leads/other"), 404)


def test_an_erasure_is_its_owners_and_nobody_else_learns_of_it(tmp_path):
    keys = made(tmp_path, "anna", "ben")
    with serve(tmp_path) as server:
        for key in keys.values():
            started(
                server, key, lead_id="dana-1", lead=DANA, more={"conversation_id": "cv-planted"}
            )
        (ours, theirs) = (bearer(key) for key in keys.values())
        before = server.http.get("/api/leads/dana-1/export", headers=theirs)
        answer = server.http.delete("/api/leads/dana-1?reason=erasure", headers=ours)
        assert answer.json()["executions"] == 1
        after = server.http.get("/api/leads/dana-1/export", headers=theirs)
        assert after.json()["stored"].keys() == before.json()["stored"].keys()
        assert after.json()["lead"] == before.json()["lead"]
        assert server.http.post("/api/leads", json=DANA, headers=theirs).status_code == 200
        is_problem(server.http.post("/api/leads", json=DANA, headers=ours), 409, "opted_out")


def test_running_streams_are_stopped_first_and_their_readers_told(server):
    running = server.start(script(words(300), pace_ms=50), lead_id="dana-1", lead=DANA)
    with server.follow(running["stream_id"]) as reading:
        reading.until(b'"token"')
        erasing = threading.Thread(target=erase, args=(server, "dana-1"))
        erasing.start()
        assert types(reading.rest())[-1] == "stopped"
        erasing.join()
    assert found_in(dumped(server.database)) == []


def test_a_workflow_is_stopped_and_forgotten_too(tmp_path):
    with serve_trial(tmp_path) as server:
        long = {"script": script(words(300), pace_ms=50)}
        asked = {"lead": DANA, "input": {"write": long, "draw": long}}
        flow = dropped.start(server, lead_id="dana-1", **asked)["stream_id"]
        with server.follow(flow) as reading:
            reading.until(b'"w2 ","step":"write"')
            assert found_in(dumped(server.database))
            erase(server, "dana-1")
            assert types(reading.rest())[-1] == "stopped"
        assert found_in(dumped(server.database)) == []
        is_problem(server.http.get(f"/api/workflows/{flow}"), 404)
        is_problem(dropped.resume(server, flow), 404)


def test_whoever_was_removed_before_can_still_be_erased(server):
    planted(server)
    assert server.http.delete("/api/leads/dana-1").status_code == 204
    assert found_in(dumped(server.database))
    assert erase(server, "dana-1")["suppressed"] is True
    assert found_in(dumped(server.database)) == []


def test_the_person_stays_away(server):
    server.http.post("/api/leads", json={**DANA, "id": "dana-1"})
    server.http.post("/api/leads", json={"id": "ben", "email": "ben@b.example"})
    erase(server, "dana-1")
    again = {"email": " dana.planted@QUILL.example".strip()}
    is_problem(server.http.post("/api/leads", json=again), 409, "opted_out")
    is_problem(server.http.post("/api/leads", json={**again, "id": "new"}), 409, "opted_out")
    is_problem(server.http.patch("/api/leads/ben", json=again), 409, "opted_out")
    is_problem(server.try_to_start(lead_id="new", lead=again), 409, "opted_out")
    many = server.http.post("/api/leads", json=[again, {"email": "eve@e.example"}]).json()
    assert (many["created"], many["updated"], many["refused"]) == (1, 0, 1)
    content = f"email,city\n{DANA['email']},Ulm\nann@a.example,Ulm\n"
    for query in ("?dry_run=1", ""):
        report = server.http.post(f"/api/leads/import{query}", content=content).json()
        assert (report["created"], report["skipped"]) == (1, 1)
        (error,) = report["errors"]
        assert (error["row"], error["field"]) == (2, "email")
        assert "erased" in error["message"]
    assert found_in(dumped(server.database)) == []


def test_the_person_stays_away_after_a_restart(tmp_path):
    with serve(tmp_path) as server:
        server.http.post("/api/leads", json={**DANA, "id": "dana-1"})
        erase(server, "dana-1")
        server.terminate()
        server.run()
        is_problem(server.http.post("/api/leads", json=DANA), 409, "opted_out")


def test_the_hash_of_one_database_says_nothing_in_another(tmp_path):
    hashes = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with serve(tmp_path / name) as server:
            server.http.post("/api/leads", json={**DANA, "id": "dana-1"})
            erase(server, "dana-1")
            hashes |= set(rows(server.database, "SELECT email_hash FROM suppressed"))
    assert len(hashes) == 2


def test_everything_about_a_person_can_be_handed_over(server):
    first, _ = planted(server)
    server.http.post("/api/leads", json={"id": "ben", "email": "ben@b.example"})
    answer = server.http.get("/api/leads/dana-1/export").json()
    assert answer["lead"]["notes"] == DANA["notes"]
    stored = answer["stored"]
    assert len(stored["agent_executions"]) == 4
    log = stored.get("stream_events", []) + stored.get("stream_tail", [])
    assert {row["stream_id"] for row in log} >= {first["stream_id"]}
    assert "planted answer" in str(stored["conversation_messages"])
    assert [row["key"] for row in stored["idempotency_keys"]] == ["planted-key"]
    assert "ben@b.example" not in str(answer)
    is_problem(server.http.get("/api/leads/nobody/export"), 404, "unknown_lead")


def test_an_erasure_says_what_it_did_not_understand(server):
    server.http.post("/api/leads", json={"id": "ben"})
    is_problem(server.http.delete("/api/leads/ben?reason=boredom"), 400, "bad_reason")
    is_problem(server.http.delete("/api/leads/nobody?reason=erasure"), 404, "unknown_lead")
    assert erase(server, "ben")["suppressed"] is False
