"""A server that dies during a workflow: what was done is kept, what ran begins anew, once each."""

import random
import sqlite3
from contextlib import closing

import pytest

from tests.serving import events, frames, is_problem, last_id, numbered, rows, words
from tests.workflows.dropped import (
    STEPS,
    WORKFLOW,
    ended,
    resume,
    says,
    serve_trial,
    start,
    state,
    steps,
    text_of,
)

SLOW = {step: says(words(12), pace_ms=10) for step in STEPS}
OPEN = (
    "SELECT (SELECT count(*) FROM agent_executions WHERE status IN ('pending', 'running'))"
    " + (SELECT count(*) FROM workflow_state WHERE status IN ('pending', 'running'))"
)
BOUNDARIES = [(step, state) for step in STEPS for state in ("started", "done")]


def told(step, state):
    return f'"step":"{step}","state":"{state}"'.encode()


def killed_at(server, stream_id, needle, seen=b""):
    """Read until `needle` has come, kill the server, and start it again; what a reader has."""
    with server.follow(stream_id, last_event_id=last_id(seen)) as reading:
        reading.until(needle)
        server.kill()
        body = seen + frames(reading.body)[: frames(reading.body).rfind(b"\n\n") + 2]
    server.run()
    return body


def assert_whole(server, started, seen, kills):
    """Each step done once, its words once, a dense log that every reader has read, one bill."""
    log = server.read(started["stream_id"])
    seen += frames(server.read(started["stream_id"], last_event_id=last_id(seen)))
    assert seen == frames(log)
    assert [number for number, _ in numbered(log)] == list(range(1, len(events(log)) + 1))
    assert [e["type"] for e in events(log) if e["type"] in ("complete", "error", "stopped")] == [
        "complete"
    ]
    assert sorted(s for s in steps(log) if s[1] == "done") == sorted((s, "done") for s in STEPS)
    assert {text_of(log, step) for step in STEPS} == {words(12)}
    resets = [e for e in events(log) if e["type"] == "reset"]
    assert {e["reason"] for e in resets} <= {"recovered"}
    assert {e["step"] for e in resets} <= set(STEPS)
    assert len(resets) <= 2 * kills
    assert_accounted(server, started, log)


def assert_accounted(server, started, log):
    whole, shown = events(log)[-1]["metadata"], state(server, started["workflow_id"])
    attempts = [a for step in shown["steps"] for a in step["metadata"]["attempts"]]
    assert len(attempts) == len(whole["attempts"])
    assert [a["outcome"] for a in attempts].count("ok") == len(STEPS)
    assert {a["outcome"] for a in attempts} <= {"ok", "interrupted"}
    for name in ("input_tokens", "output_tokens", "total_cost_usd"):
        assert whole[name] == sum(step["metadata"][name] for step in shown["steps"])
    for step in shown["steps"]:
        outcomes = [a["outcome"] for a in step["metadata"]["attempts"]]
        assert outcomes == ["interrupted"] * (len(outcomes) - 1) + ["ok"]
        assert len(outcomes) <= 1 + sum(
            e["type"] == "reset" and e["step"] == step["step"] for e in events(log)
        )
    assert server.count() == len(STEPS)
    assert rows(server.database, OPEN) == [(0,)]


def test_killed_at_every_boundary_it_completes_and_each_step_is_done_once(tmp_path):
    with serve_trial(tmp_path) as server:
        started, seen = start(server, input=SLOW, detach=True), b""
        kills = 0
        for step, reached in BOUNDARIES[:-1]:
            # Of two that run at once one may have got further before it was killed for the other.
            if told(step, reached) not in seen:
                seen = killed_at(server, started["stream_id"], told(step, reached), seen)
                kills += 1
        assert kills >= len(STEPS)
        assert_whole(server, started, seen, kills)


@pytest.mark.parametrize("seed", range(3))
def test_killed_inside_steps_it_completes_and_each_step_is_done_once(tmp_path, seed):
    dice = random.Random(seed)
    with serve_trial(tmp_path) as server:
        started, seen = start(server, input=SLOW, detach=True), b""
        for _ in range(3):
            words_more = seen.count(b'"token"') + dice.randint(1, 25)
            with server.follow(started["stream_id"]) as reading:
                while reading.body.count(b'"token"') < words_more and reading.more():
                    pass
                server.kill()
            server.run()
            seen += read_so_far(server, started["stream_id"], seen)
        assert_whole(server, started, seen, 3)


def read_so_far(server, stream_id, seen):
    return frames(server.read(stream_id, "?live=0", last_event_id=last_id(seen)))


def test_what_dies_too_often_fails_and_the_rest_goes_on(tmp_path):
    """A step that kills the process, as far as anybody can tell."""
    forever = says(words(390), pace_ms=50)
    with serve_trial(tmp_path, recovery_attempts=1) as server:
        started = start(server, input={"draw": forever}, detach=True)
        with server.follow(started["stream_id"]) as reading:
            reading.until(told("write", "done")).until(b'"w2 ","step":"draw"')
        server.kill()
        server.run()
        killed_at(server, started["stream_id"], b'"reset"')
        log = server.read(started["stream_id"])
        assert ended(log)["draw"]["state"] == "failed"
        assert ended(log)["draw"]["error"]["code"] == "interrupted"
        assert ended(log)["close"]["state"] == "skipped"
        assert (events(log)[-1]["type"], events(log)[-1]["result"]["failed"]) == (
            "complete",
            ["draw"],
        )
        assert rows(server.database, OPEN) == [(0,)]


def test_a_workflow_keeps_its_version(tmp_path):
    """A newer file runs what is started from now on; what is not known any more ends, with why."""
    with serve_trial(tmp_path) as server:
        file = server.dropped / "workflows" / "trial.py"
        kept, lost = (start(server, input=SLOW, detach=True) for _ in range(2))
        with server.follow(lost["stream_id"]) as reading:
            reading.until(told("judge", "started"))
        server.kill()
        both = WORKFLOW.format(version=1) + WORKFLOW.format(version=2).replace("trial =", "newer =")
        file.write_text(both)
        change(server, "UPDATE workflow_state SET version = 7 WHERE workflow_id = ?", lost)
        server.run()
        assert events(server.read(kept["stream_id"]))[-1]["type"] == "complete"
        assert state(server, kept["workflow_id"])["version"] == 1
        assert start(server)["version"] == 2
        log = server.read(lost["stream_id"])
        end = events(log)[-1]
        assert (end["type"], end["error"]["code"]) == ("error", "workflow_changed")
        assert ended(log)["find"]["state"] == "done"
        assert ended(log)["close"]["state"] == "skipped"
        assert state(server, lost["workflow_id"])["status"] == "failed"
        is_problem(resume(server, lost["workflow_id"]), 409, "workflow_changed")


def test_other_steps_under_the_same_version_are_no_way_to_go_on(tmp_path):
    with serve_trial(tmp_path) as server:
        started = start(server, input=SLOW, detach=True)
        with server.follow(started["stream_id"]) as reading:
            reading.until(told("judge", "started"))
        server.kill()
        file = server.dropped / "workflows" / "trial.py"
        file.write_text(file.read_text().replace('needs=["write", "draw"]', 'needs=["write"]'))
        server.run()
        end = events(server.read(started["stream_id"]))[-1]
        assert (end["type"], end["error"]["code"]) == ("error", "workflow_changed")
        assert rows(server.database, OPEN) == [(0,)]


def test_a_drained_server_leaves_a_workflow_to_the_next(tmp_path):
    with serve_trial(tmp_path, drain_s=0) as server:
        started = start(server, input=SLOW, detach=True)
        with server.follow(started["stream_id"]) as reading:
            reading.until(told("draw", "started"))
            assert server.terminate() == 0
        server.run()
        assert_whole(server, started, b"", 1)


def change(server, sql, started):
    """What another version of Leadstream might have done to the file."""
    with closing(sqlite3.connect(server.database)) as connection, connection:
        assert connection.execute(sql, (started["workflow_id"],)).rowcount == 1
