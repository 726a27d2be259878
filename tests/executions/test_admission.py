"""Reservations: what only one may do is done by one, whoever comes and goes meanwhile."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from executions.admission import Admission
from executions.places import Places
from executions.start import Start, StartOptions
from tests.reading import PATIENCE_S
from tests.serving import is_problem, script, serve, text, types, words

START = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}


class NoKeys:
    """A store in which no key was used yet, and that takes a moment to say so."""

    async def row(self, sql, **values):
        await asyncio.sleep(0)


def other_client(server):
    """Whoever calls from another address is another client."""
    address = httpx.HTTPTransport(local_address="127.0.0.2")
    return httpx.Client(base_url=server.url, transport=address, timeout=PATIENCE_S)


@pytest.mark.anyio
async def test_starts_with_one_key_are_made_one_after_the_other_also_when_one_fails():
    admission = Admission(NoKeys(), None, Places("streams", 1, 0, retry_after_s=1))
    start = Start(agent_type="conversation", owner="", input={}, options=StartOptions(), key="k")
    inside = 0

    async def enter(then):
        nonlocal inside
        async with admission.keyed(start):
            inside += 1
            try:
                assert inside == 1
                for _ in range(5):
                    await asyncio.sleep(0)
                then()
            finally:
                inside -= 1

    def fail():
        raise RuntimeError("refused")

    late = []
    first = asyncio.create_task(enter(fail))
    first.add_done_callback(lambda _: late.append(asyncio.create_task(enter(int))))
    waiting = [asyncio.create_task(enter(int)) for _ in range(3)]
    await asyncio.wait([first])
    await asyncio.gather(*waiting, *late)
    assert isinstance(first.exception(), RuntimeError)


def whole(server, **options):
    """The events of a stream that this start has begun."""
    return types(server.read(server.start("hello", **options)["stream_id"]))


def test_a_client_that_has_all_its_streams_is_refused_and_no_other_is(tmp_path):
    with serve(tmp_path, max_streams_per_client=2) as server, other_client(server) as other:
        endless = script(words(340), pace_ms=50)
        mine = [server.start(endless, detach=True) for _ in range(2)]
        refused = server.try_to_start()
        is_problem(refused, 429, "quota-exceeded")
        assert int(refused.headers["retry-after"]) > 0
        assert server.count() == 2, "nothing was begun, so nothing was spent"
        assert other.post("/api/stream/start/lead", json=START).status_code == 201
        with server.follow(mine[0]["stream_id"]) as reading:
            assert reading.status == 200, "coming back is not starting"
        server.stop(mine[0]["stream_id"])
        assert whole(server)[-1] == "complete"


def test_starts_that_are_refused_and_starts_that_fail_take_no_place(tmp_path):
    with serve(tmp_path, max_streams=1, max_streams_per_client=1) as server:
        for _ in range(5):
            assert server.try_to_start(more={"surprise": 1}).status_code == 422
            assert whole(server)[-1] == "complete"
            assert whole(server, provider="nobody/nothing")[-1] == "error"
        assert whole(server)[-1] == "complete"


def test_a_stream_that_was_taken_up_again_runs_whatever_the_limit_says(tmp_path):
    with serve(tmp_path, max_streams=2) as server:
        long = script(words(60), pace_ms=20)
        started = [server.start(long, detach=True)["stream_id"] for _ in range(2)]
        for stream_id in started:
            with server.follow(stream_id) as reading:
                reading.until(b'"token"')
        server.kill()
        server.settings["max_streams"] = 1
        server.run()
        assert server.try_to_start().status_code == 503
        assert [text(server.read(stream_id)) for stream_id in started] == [words(60)] * 2
        assert whole(server)[-1] == "complete"


def test_ten_messages_that_all_want_the_floor_leave_one_that_has_it(tmp_path):
    """Each takes the place of the one before it, also of one that has not begun yet."""
    turn = {"conversation_id": "talk", "if_busy": "stop"}
    with serve(tmp_path) as server:

        def interrupt(number):
            return server.try_to_start(script(words(3), pace_ms=100), more=turn, detach=True)

        with ThreadPoolExecutor(10) as everybody:
            answers = list(everybody.map(interrupt, range(10)))
        assert max(answer.status_code for answer in answers) < 500
        started = [answer.json() for answer in answers if answer.status_code == 201]
        ends = [types(server.read(start["stream_id"]))[-1] for start in started]
        assert ends.count("complete") == 1
        assert set(ends) <= {"complete", "stopped"}
        assert server.try_to_start("hello", more=turn).status_code == 201
