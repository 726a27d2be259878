"""Stopping: whenever it comes, there is one end, one receipt, and the model is left alone."""

import pytest

from tests.serving import events, is_problem, script, serve, types, words

LONG = script(words(340), pace_ms=50)
NEVER_BEGINS = script("hello", pace_ms=60_000)
ALWAYS_FAILS = script("hello", fail_after=0)


def ends(body):
    return [kind for kind in types(body) if kind in ("complete", "error", "stopped")]


def outcomes(receipt):
    return [attempt["outcome"] for attempt in receipt["metadata"]["attempts"]]


def test_stopped_in_the_middle_it_keeps_what_was_said(server):
    start = server.start(LONG)
    with server.follow(start["stream_id"]) as reading:
        reading.until(b'"token"', times=5)
        receipt = server.stop(start["stream_id"])
        body = reading.rest()
    assert ends(body) == ["stopped"]
    assert events(body)[-1]["reason"] == "requested"
    assert events(body)[-1]["metadata"] == receipt["metadata"]
    assert receipt["status"] == "stopped"
    assert outcomes(receipt) == ["cancelled"]
    assert receipt["metadata"]["output_tokens"] > 0
    assert receipt["metadata"]["usage_source"] == "estimated"
    assert server.execution(start["execution_id"])["text"].startswith("w1 w2 w3 w4 w5")


def test_stopped_before_the_first_word_it_says_none(server):
    start = server.start(NEVER_BEGINS)
    with server.follow(start["stream_id"]) as reading:
        reading.until(b'"route"')
        receipt = server.stop(start["stream_id"])
        body = reading.rest()
    assert ends(body) == ["stopped"]
    assert "token" not in types(body)
    assert outcomes(receipt) == ["cancelled"]


def test_stopped_while_it_waits_to_try_again_it_tries_no_more(tmp_path):
    with serve(tmp_path, retry_base_s=600) as server:
        start = server.start(ALWAYS_FAILS)
        with server.follow(start["stream_id"]) as reading:
            reading.until(b'"retrying"')
            receipt = server.stop(start["stream_id"])
            assert ends(reading.rest()) == ["stopped"]
        assert outcomes(receipt) == ["failed"]


def test_the_second_stop_answers_the_same(server):
    stream_id = server.start(LONG)["stream_id"]
    assert server.stop(stream_id) == server.stop(stream_id)
    assert ends(server.read(stream_id)) == ["stopped"]


def test_a_stop_after_the_end_answers_how_it_ended(server):
    stream_id = server.start(script("one two"))["stream_id"]
    body = server.read(stream_id)
    receipt = server.stop(stream_id)
    assert receipt["status"] == "success"
    assert receipt["metadata"] == events(body)[-1]["metadata"]
    assert ends(server.read(stream_id)) == ["complete"]


def test_what_is_not_there_cannot_be_stopped(server):
    is_problem(server.http.post("/api/stream/stop/st_nothing"), 404, "unknown_stream")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server that gives up a stream soon after its last reader has left."""
    with serve(tmp_path_factory.mktemp("impatient"), abandon_after_s=0.3) as server:
        yield server


def receipt_of(server, start):
    """The receipt of a stream, once it has ended by itself. Reading it does not follow it."""
    while (execution := server.execution(start["execution_id"]))["status"] in (
        "pending",
        "running",
    ):
        pass
    return execution


def test_a_stream_that_nobody_follows_is_stopped(impatient):
    start = impatient.start(LONG)
    assert receipt_of(impatient, start)["status"] == "stopped"
    assert events(impatient.read(start["stream_id"]))[-1]["reason"] == "abandoned"


def test_a_stream_is_stopped_when_its_last_reader_has_left(impatient):
    start = impatient.start(LONG)
    with impatient.follow(start["stream_id"]) as first:
        with impatient.follow(start["stream_id"]) as second:
            second.until(b'"token"')
        # Longer than the grace: one reader is enough.
        first.until(b'"token"', times=15)
    assert receipt_of(impatient, start)["status"] == "stopped"
    assert events(impatient.read(start["stream_id"]))[-1]["reason"] == "abandoned"


def test_a_detached_stream_needs_no_reader(impatient):
    start = impatient.start(script(words(100), pace_ms=8), detach=True)
    assert receipt_of(impatient, start)["status"] == "success"
