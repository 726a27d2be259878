"""A server that dies in the middle of a sentence: nobody loses a word, and every answer ends."""

import contextlib
import http.client
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import (
    events,
    frames,
    last_id,
    numbered,
    rows,
    script,
    serve,
    text,
    whole_frames,
    words,
)

STREAMS = 6
OPEN = "SELECT count(*) FROM agent_executions WHERE status IN ('pending', 'running')"


def read_until_it_breaks(server, stream_id, after=None):
    """What a reader has dispatched when the connection ends, however and whenever it ends."""
    body = b""
    with (
        contextlib.suppress(http.client.HTTPException, OSError),
        server.follow(stream_id, last_event_id=after) as reading,
    ):
        while part := reading.more():
            body += part
    return whole_frames(body)


def killed_while_running(server, dice, seen):
    """Let readers read, kill the server at some moment, start it again; how many were running."""
    with ThreadPoolExecutor(STREAMS) as readers:
        reading = {
            stream_id: readers.submit(read_until_it_breaks, server, stream_id, last_id(body))
            for stream_id, body in seen.items()
        }
        with server.follow(dice.choice(list(seen))) as watch:
            watch.until(b'"token"', times=dice.randint(1, 12))
        server.kill()
        running = rows(server.database, OPEN)[0][0]
        for stream_id, part in reading.items():
            seen[stream_id] += part.result()
    server.run()
    return running


@pytest.mark.parametrize("seed", range(6))
def test_streams_that_were_killed_twice_end_with_every_word_once(tmp_path, seed):
    dice = random.Random(seed)
    with serve(tmp_path) as server:
        said = script(words(60), pace_ms=8)
        started = [server.start(said, detach=True) for _ in range(STREAMS)]
        seen = {start["stream_id"]: b"" for start in started}
        hit = sum(killed_while_running(server, dice, seen) for _ in range(2))
        assert hit, "no stream was running: the round shows nothing"
        for start in started:
            stream_id = start["stream_id"]
            seen[stream_id] += frames(
                server.read(stream_id, last_event_id=last_id(seen[stream_id]))
            )
            log = server.read(stream_id)
            assert seen[stream_id] == frames(log)
            assert_whole(log, words(60))
            assert_accounted(server.execution(start["execution_id"]), log)
        assert rows(server.database, OPEN) == [(0,)]


def assert_whole(log, said):
    """Dense ids, one terminal event, at most one reset for each of the two starts."""
    assert [number for number, _ in numbered(log)] == list(range(1, len(events(log)) + 1))
    kinds = [event["type"] for event in events(log)]
    assert kinds[-1] == "complete"
    assert sum(kind in ("complete", "error", "stopped") for kind in kinds) == 1
    resets = [event for event in events(log) if event["type"] == "reset"]
    assert len(resets) <= 2
    assert all(reset["reason"] == "recovered" for reset in resets)
    assert text(log) == said


def assert_accounted(execution, log):
    """Each attempt stands in the receipt, the interrupted ones with an estimate."""
    outcomes = [attempt["outcome"] for attempt in execution["metadata"]["attempts"]]
    assert outcomes[-1] == "ok"
    assert set(outcomes[:-1]) <= {"interrupted"}
    assert len(outcomes) == 1 + sum(event["type"] == "route" for event in events(log)[:-1]) - 1
    for attempt in execution["metadata"]["attempts"][:-1]:
        assert attempt["usage_source"] == "estimated"
    assert execution["status"] == "success"
    assert execution["text"] == text(log)


def test_an_answer_that_was_killed_too_often_ends_and_keeps_its_text(tmp_path):
    with serve(tmp_path, recovery_attempts=1) as server:
        start = server.start(script(words(400), pace_ms=20), detach=True)
        for kill in (1, 2):
            with server.follow(start["stream_id"]) as reading:
                reading.until(b'"route"', times=kill).until(b'"token"', times=3 * kill)
            server.kill()
            server.run()
        log = server.read(start["stream_id"])
        *_, end = events(log)
        assert (end["type"], end["error"]["code"]) == ("error", "interrupted")
        execution = server.execution(start["execution_id"])
        assert execution["status"] == "failed"
        assert execution["text"] == text(log)
        assert execution["text"].startswith("w1 w2")
        assert [a["outcome"] for a in end["metadata"]["attempts"]] == ["interrupted"] * 2


def test_an_answer_that_is_to_fail_rather_than_begin_anew_ends_at_the_next_start(tmp_path):
    with serve(tmp_path) as server:
        start = server.start(script(words(400), pace_ms=20), detach=True, on_failure="fail")
        with server.follow(start["stream_id"]) as reading:
            reading.until(b'"token"', times=3)
        server.kill()
        server.run()
        kinds = [event["type"] for event in events(server.read(start["stream_id"]))]
        assert kinds[-1] == "error"
        assert "reset" not in kinds


def test_a_reader_may_come_back_before_its_stream_goes_on(tmp_path):
    """The logs are there when the port is open: nobody is told that his stream is unknown."""
    with serve(tmp_path) as server:
        said = script(words(200), pace_ms=20)
        streams = [server.start(said, detach=True)["stream_id"] for _ in range(30)]
        for stream_id in streams:
            with server.follow(stream_id) as reading:
                reading.until(b'"token"')
        server.kill()
        server.run()
        for stream_id in reversed(streams):
            with server.follow(stream_id) as reading:
                assert reading.status == 200
                reading.until(b'"token"')
            assert server.stop(stream_id)["status"] == "stopped"
