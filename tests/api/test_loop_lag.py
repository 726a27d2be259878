"""The event loop's lag: a gauge, and a line in the log when it stood still."""

import logging
import time

import pytest

from api.loop_lag import LoopLag
from tests.inside import inside

pytestmark = pytest.mark.anyio


class Enough(Exception):
    """The last look was taken."""


async def watched(*lates):
    """The lag after a look for each number, the loop being late by so many seconds."""
    lag, now, coming = LoopLag(), 0.0, iter(lates)

    async def sleep(seconds):
        nonlocal now
        late = next(coming, None)
        if late is None:
            raise Enough
        now += seconds + late

    with pytest.raises(Enough):
        await lag.watch(clock=lambda: now, sleep=sleep)
    return lag.seconds


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_loop_that_stood_still_is_told_of_once(caplog):
    assert await watched(0.001, 0.3, 0.001) == pytest.approx(0.3, rel=0.05)
    assert warnings(caplog) == ["the event loop stood still for 0.30 s"]


async def test_a_busy_loop_is_a_number_and_no_warning(caplog):
    assert await watched(0.02, 0.24, 0.01) == pytest.approx(0.24, rel=0.05)
    assert warnings(caplog) == []


async def test_a_lag_fades(caplog):
    assert await watched(2.0, *[0.0] * 400) < 0.01


async def test_a_server_watches_its_loop(tmp_path, caplog):
    async with inside(tmp_path) as server:
        time.sleep(0.6)  # noqa: ASYNC251 - it blocks the loop on purpose
        await server.http.get("/livez")
        assert server.house.lag.seconds > 0.25
    assert any("stood still" in line for line in warnings(caplog))
