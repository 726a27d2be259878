"""A stream on the wire, byte by byte: what proxies, browsers and curl find."""

import json
import re
import subprocess

import pytest

from tests.needs import needs
from tests.serving import events, frames, script, serve, types, words

FOUND = ["field"] * 5
"""What code finds in a turn goes out behind the words."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose heart beats often."""
    with serve(tmp_path_factory.mktemp("framing"), heartbeat_s=0.05) as server:
        yield server


def test_the_headers_keep_proxies_from_holding_anything_back(server):
    with server.follow(server.start()["stream_id"]) as reading:
        assert reading.status == 200
        assert reading.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reading.headers["cache-control"] == "no-cache, no-transform"
        assert reading.headers["x-accel-buffering"] == "no"
        assert reading.headers["transfer-encoding"] == "chunked"
        reading.rest()


def test_every_frame_is_a_number_and_one_line_of_json_and_names_no_event(server):
    body = server.read(server.start(script(words(5)))["stream_id"])
    assert re.fullmatch(rb"(id: \d+\ndata: \{.*\}\n\n)+", frames(body))
    assert b"\r" not in body
    numbers = re.findall(rb"(?m)^id: (\d+)$", body)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
    assert types(body) == ["start", "field", "route", *["token"] * 5, *FOUND, "complete"]


def test_the_first_bytes_of_every_connection_are_a_heartbeat_and_the_time_to_come_back(server):
    stream_id = server.start(script(words(5)))["stream_id"]
    for after in ("0", "3"):
        body = server.read(stream_id, last_event_id=after)
        retry = re.match(rb": ping\nretry: (\d+)\nid: %d\n" % (int(after) + 1), body)
        assert 2000 <= int(retry[1]) <= 3000
        assert body.count(b"retry:") == 1


def test_between_events_the_heart_beats_and_no_reader_takes_it_for_an_event(server, parse):
    body = server.read(server.start(script(words(3), pace_ms=200))["stream_id"])
    assert b"\n\n: ping\n" in body
    assert b": ping\n\n" not in body
    found = parse([body])
    assert [number for number, _ in found] == [str(n) for n in range(1, 8 + len(FOUND))]
    assert [json.loads(data) for _, data in found] == events(body)


def test_a_models_text_forges_nothing(server, parse):
    """Whatever a model says is one line of JSON, and every parser reads it back."""
    said = 'a\r\rid: 99\n\ndata: {"type":"error"}\n\nevent: x\u2028b\x0b\u0085&lt;script> 😀\ufeff'
    body = server.read(server.start(script(said))["stream_id"])
    found = [json.loads(data) for _, data in parse([body])]
    assert "".join(e["content"] for e in found if e["type"] == "token") == said
    assert found[-1]["type"] == "complete"


def curl(server, *arguments):
    needs("curl")
    command = ["curl", "-sN", "--max-time", "20", *arguments]
    return subprocess.run(command, check=True, capture_output=True, cwd="/").stdout


def test_curl_needs_no_header_to_follow_a_stream(server):
    stream_id = server.start(script(words(20), pace_ms=2))["stream_id"]
    body = curl(server, f"{server.url}/api/stream/{stream_id}")
    assert frames(body) == frames(server.read(stream_id))


def test_curl_starts_and_follows_in_one_line(server):
    body = curl(server, f"{server.url}/api/agents/conversation/stream", "-d", '{"message": "hi"}')
    assert types(body) == ["start", "field", "route", "token", *FOUND, "complete"]
