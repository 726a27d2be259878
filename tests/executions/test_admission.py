"""Reservations: what only one may do is done by one, whoever comes and goes meanwhile."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from executions.admission import Admission
from executions.start import Start, StartOptions
from tests.serving import script, serve, types, words


class NoKeys:
    """A store in which no key was used yet, and that takes a moment to say so."""

    async def row(self, sql, **values):
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_starts_with_one_key_are_made_one_after_the_other_also_when_one_fails():
    admission = Admission(NoKeys(), None, max_streams=1)
    start = Start(agent_type="conversation", input={}, options=StartOptions(), key="k")
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
