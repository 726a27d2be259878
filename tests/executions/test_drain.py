"""SIGTERM: what can end ends, what cannot is left to the next process, and nobody is cut off."""

import asyncio
import signal

import httpx
import pytest

from store.database import Database
from tests.inside import inside
from tests.serving import events, frames, is_problem, last_id, script, serve, text, types, words


def draining(server):
    """Ask for the end, and return once the server has begun with it."""
    server.process.send_signal(signal.SIGTERM)
    while server.http.get("/readyz").status_code != 503:
        pass


def test_a_running_stream_gets_to_its_end(tmp_path):
    with serve(tmp_path, drain_s=10) as server:
        with server.follow(server.start(script(words(60), pace_ms=15))["stream_id"]) as reading:
            reading.until(b'"token"')
            server.process.send_signal(signal.SIGTERM)
            body = reading.rest()
        assert types(body)[-1] == "complete"
        assert text(body) == words(60)
        assert server.gone() == 0


def test_nothing_is_started_while_the_server_empties(tmp_path):
    with serve(tmp_path, drain_s=10) as server:
        stream_id = server.start(script(words(340), pace_ms=50))["stream_id"]
        with server.follow(stream_id) as reading:
            reading.until(b'"token"')
            draining(server)
            refused = server.try_to_start()
            is_problem(refused, 503, "temporary-reduced-capacity")
            assert int(refused.headers["retry-after"]) > 0
            assert server.http.get("/livez").status_code == 200
            assert server.stop(stream_id)["status"] == "stopped"
            assert types(reading.rest())[-1] == "stopped"


def test_what_does_not_end_in_time_goes_on_in_the_next_process(tmp_path):
    with serve(tmp_path, drain_s=0.2) as server:
        start = server.start(script(words(150), pace_ms=15), detach=True)
        with server.follow(start["stream_id"]) as reading:
            reading.until(b'"token"', times=5)
            assert server.terminate() == 0
            body = reading.rest()
        assert types(body)[-1] == "token", "a clean end, and no terminal event"
        assert body.splitlines()[-1].startswith(b"retry: ")
        server.run()
        rest = server.read(start["stream_id"], last_event_id=last_id(body))
        assert frames(body) + frames(rest) == frames(server.read(start["stream_id"]))
        assert text(body + rest) == words(150)
        # What the last commit of the old process held may come before it.
        resets = [event for event in events(rest) if event["type"] == "reset"]
        assert resets == [{"type": "reset", "reason": "recovered", "provider": "scripted"}]


def test_a_second_signal_exits_at_once(tmp_path):
    with serve(tmp_path, drain_s=600) as server:
        stream_id = server.start(script(words(340), pace_ms=50), detach=True)["stream_id"]
        with server.follow(stream_id) as reading:
            reading.until(b'"token"')
            draining(server)
            assert server.terminate() == 1


def test_a_server_with_nothing_to_do_leaves_with_a_good_conscience(tmp_path):
    with serve(tmp_path) as server:
        assert server.terminate() == 0
        refused = httpx.ConnectError
        try:
            httpx.get(server.url, trust_env=False)
        except refused:
            return
        raise AssertionError("it still answers")


@pytest.mark.anyio
async def test_no_stream_outlives_the_database_that_it_is_written_to(tmp_path, monkeypatch):
    """Also where the application ends without a drain, as under another server than ours."""
    running = []

    class Closing(Database):
        async def __aexit__(self, *error):
            running.append([t for t in asyncio.all_tasks() if t.get_name().startswith("stream ")])
            await super().__aexit__(*error)

    monkeypatch.setattr("server.Database", Closing)
    async with inside(tmp_path) as leadstream:
        await leadstream.start(script(words(340), pace_ms=50), detach=True)
        assert any(t.get_name().startswith("stream ") for t in asyncio.all_tasks())
    assert running == [[]]
