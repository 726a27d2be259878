"""The same events over a WebSocket, one JSON object a text frame."""

import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.serving import events, numbered, script, words


def follow(server, stream_id, query=""):
    url = f"ws://127.0.0.1:{server.port}/ws/stream/{stream_id}{query}"
    return connect(url, open_timeout=10, close_timeout=10, proxy=None)


def received(socket):
    """Every object until the server closes, and the code it closes with."""
    found = []
    try:
        while True:
            found.append(json.loads(socket.recv(timeout=10)))
    except ConnectionClosed as closed:
        return found, closed.rcvd and closed.rcvd.code


def with_ids(body):
    return [{"id": number, **event} for number, event in numbered(body)]


def test_it_gives_the_events_of_the_stream_with_their_ids_and_closes_after_the_last(server):
    stream_id = server.start(script(words(20), pace_ms=3))["stream_id"]
    with follow(server, stream_id) as socket:
        found, code = received(socket)
    assert found == with_ids(server.read(stream_id))
    assert code == 1000


def test_it_goes_on_after_the_last_id_that_was_read(server):
    stream_id = server.start(script(words(20), pace_ms=3))["stream_id"]
    with follow(server, stream_id) as socket:
        begun = [json.loads(socket.recv(timeout=10)) for _ in range(8)]
    with follow(server, stream_id, f"?after={begun[-1]['id']}") as socket:
        rest, code = received(socket)
    assert begun + rest == with_ids(server.read(stream_id))
    assert code == 1000


def test_a_reader_who_has_everything_of_an_ended_stream_is_let_go(server):
    stream_id = server.start(script(words(3)))["stream_id"]
    last = len(events(server.read(stream_id)))
    with follow(server, stream_id, f"?after={last}") as socket:
        assert received(socket) == ([], 1000)


def test_a_reader_ahead_of_the_log_gets_the_whole_behind_a_reset_without_an_id(server):
    stream_id = server.start(script(words(3)))["stream_id"]
    whole = with_ids(server.read(stream_id))
    with follow(server, stream_id, "?after=999") as socket:
        (reset, *rest), code = received(socket)
    assert reset.get("id") is None
    assert (reset["type"], reset["reason"]) == ("reset", "rewind")
    assert rest == whole
    assert code == 1000


def test_what_a_reader_sends_changes_nothing(server):
    stream_id = server.start(script(words(10), pace_ms=10))["stream_id"]
    with follow(server, stream_id) as socket:
        for message in ("stop", b"\x00\xff", json.dumps({"type": "stop"}), "x" * 10_000):
            socket.send(message)
        found, _ = received(socket)
    assert found[-1]["type"] == "complete"


def test_a_reader_that_hangs_up_ends_nothing(server):
    started = server.start(script(words(30), pace_ms=10))
    with follow(server, started["stream_id"]) as socket:
        socket.recv(timeout=10)
        socket.close_socket()
    server.read(started["stream_id"])
    assert server.execution(started["execution_id"])["status"] == "success"


@pytest.mark.parametrize(
    ("query", "code"), [("?after=-1", "bad_event_id"), ("?after=", "bad_event_id"), ("", "")]
)
def test_what_is_refused_is_told_before_the_end(server, query, code):
    known = server.start()["stream_id"] if query else "st_unknown"
    with follow(server, known, query) as socket:
        (problem,), closed_with = received(socket)
    assert closed_with == 1008
    assert problem["type"] == "problem"
    assert problem["code"] == (code or "unknown_stream")
    assert problem["status"] in (400, 404)
