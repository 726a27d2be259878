"""A follower of a log: who is woken, who is poured for, who is stuck and who is sent off."""

import asyncio
import contextlib

import pytest

from streams.follower import Follower
from streams.log import Log
from tests.resilience.hand import Hand
from tests.streams.table import Table, commit, token

pytestmark = pytest.mark.anyio


async def test_a_quiet_stream_gives_its_reader_a_heartbeat():
    log = Log("st", Table().stored)
    with Follower(log, heartbeat_s=0.001) as follower:
        assert await follower.next() == b""
        assert await follower.next() == b""


async def test_a_reader_that_asks_for_no_more_is_stuck_and_one_that_waits_is_not():
    log, stuck = Log("st", Table().stored), asyncio.Event()
    with Follower(log, patience_s=0.001) as in_hand, Follower(log, patience_s=0.001) as waiting:
        in_hand.on_stuck = stuck.set
        waiting.on_stuck = lambda: pytest.fail("nobody has anything in hand")
        asking = asyncio.create_task(waiting.next())
        await asyncio.wait_for(stuck.wait(), 5)
        waiting.leave()
        assert await asking is None


async def test_a_reader_that_is_sent_off_gets_what_is_durable_and_then_its_end():
    table = Table()
    log = Log("st", table.stored)
    log.append(token("one"))
    commit(log, table)
    with Follower(log) as follower:
        follower.dismiss()
        assert await follower.next() == table.groups[0].frames
        assert await follower.next() is None


async def test_a_reader_that_waits_is_sent_off_at_once():
    log = Log("st", Table().stored)
    with Follower(log) as follower:
        waiting = asyncio.create_task(follower.next())
        await asyncio.sleep(0)
        follower.dismiss()
        assert await waiting is None


async def test_a_log_knows_how_many_follow_it():
    counts = []
    log = Log("st", Table().stored)
    log.on_followers = counts.append
    with Follower(log), Follower(log):
        pass
    assert counts == [1, 2, 1, 0]


async def test_readers_that_leave_while_they_wait_leave_nothing_behind():
    log = Log("st", Table().stored)
    for _ in range(100):
        with Follower(log) as follower:
            waiting = asyncio.create_task(follower.next())
            await asyncio.sleep(0)
            assert log.followers
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
    assert not log.followers


async def test_what_can_be_poured_wakes_nobody():
    table = Table()
    log, poured = Log("st", table.stored), []
    with Follower(log) as follower:
        follower.pour = lambda frames: poured.append(frames) is None
        waiting = asyncio.create_task(follower.next())
        await asyncio.sleep(0)
        for content in ("one", "two"):
            log.append(token(content))
            commit(log, table)
        await asyncio.sleep(0)
        assert poured == [group.frames for group in table.groups]
        assert not waiting.done()

        follower.pour = lambda frames: False
        log.append(token("three"))
        commit(log, table)
        assert await waiting == table.groups[-1].frames


async def test_a_pour_that_breaks_is_met_by_its_own_reader_and_not_by_the_journal():
    table = Table()
    log, seen = Log("st", table.stored), []
    with Follower(log) as broken, Follower(log) as sound:
        broken.pour = {}.__getitem__
        sound.pour = lambda frames: seen.append(frames) is None
        waiting = [asyncio.create_task(follower.next()) for follower in (broken, sound)]
        await asyncio.sleep(0)
        log.append(token("one"))
        commit(log, table)
        assert seen == [table.groups[0].frames]
        assert await waiting[0] == seen[0]
        waiting[1].cancel()


class Loop(Hand):
    """What a follower asks of its loop."""

    def __init__(self):
        super().__init__()
        self.create_future = asyncio.get_running_loop().create_future

    def call_later(self, delay_s, callback):
        return self.call_at(self.now + delay_s, callback)


async def test_a_stream_that_is_poured_is_not_quiet(monkeypatch):
    hand = Loop()
    monkeypatch.setattr("asyncio.get_running_loop", lambda: hand)
    table = Table()
    log = Log("st", table.stored)
    with Follower(log, heartbeat_s=10) as follower:
        follower.pour = lambda frames: True
        waiting = asyncio.create_task(follower.next())
        await asyncio.sleep(0)
        hand.move(9)
        log.append(token("on"))
        commit(log, table)
        hand.move(2)
        await asyncio.sleep(0)
        assert not waiting.done()
        hand.move(8)
        assert await waiting == b""
