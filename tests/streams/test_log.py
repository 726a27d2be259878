"""A stream's log, while it is written, committed and read in every order that can be thought of."""

import asyncio
import contextlib
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from streams import sse
from streams.follower import Follower
from streams.log import Group, Log

pytestmark = pytest.mark.anyio

COMPLETE = {"type": "complete", "metadata": {}}


def token(content):
    return {"type": "token", "content": content}


class Table:
    """What a store has of one stream: its committed groups, read a page of two at a time."""

    def __init__(self):
        self.groups = []
        self.reads = 0

    @property
    def last(self):
        return self.groups[-1].last if self.groups else 0

    async def stored(self, stream_id, after):
        self.reads += 1
        await asyncio.sleep(0)
        page = [group for group in self.groups if group.last > after][:2]
        frames = sse.after(b"".join(group.frames for group in page), after)
        return Group(after + 1, page[-1].last, frames) if page else None


class Reader:
    """A follower in a task of its own, and the bytes that it has been given."""

    def __init__(self, loop, log, after):
        self.after = after
        self.seen = b""
        self.task = loop.create_task(self._read(log))

    async def _read(self, log):
        with Follower(log, self.after) as follower:
            while (given := await follower.next()) is not None:
                self.seen += given


class AnyOrder(RuleBasedStateMachine):
    """Appends, the three steps of a commit, and readers that join and drop."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.table = Table()
        self.log = Log("st", self.table.stored)
        self.written = []
        self.taken = self.stored = None
        self.readers = []

    @precondition(lambda self: not self.log.ended)
    @rule(contents=st.lists(st.text(max_size=40), min_size=1, max_size=4))
    def append(self, contents):
        for content in contents:
            self.written.append(sse.frame(len(self.written) + 1, token(content)))
            self.log.append(token(content))

    @precondition(lambda self: not self.log.ended)
    @rule()
    def end(self):
        self.written.append(sse.frame(len(self.written) + 1, COMPLETE))
        self.log.append(COMPLETE)

    @precondition(lambda self: self.taken is None and self.table.last < len(self.written))
    @rule()
    def take(self):
        self.taken, _ = self.log.take()

    @precondition(lambda self: self.taken is not None and self.stored is None)
    @rule()
    def store(self):
        self.stored = self.taken
        self.table.groups.append(self.taken)

    @precondition(lambda self: self.stored is not None)
    @rule()
    def settle(self):
        self.log.settle(self.stored)
        self.taken = self.stored = None

    @rule(data=st.data())
    def join(self, data):
        after = data.draw(st.integers(0, self.log.durable))
        self.readers.append(Reader(self.loop, self.log, after))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def drop(self, data):
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        reader.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(reader.task)

    @rule(turns=st.integers(1, 8))
    def let_them_read(self, turns):
        for _ in range(turns):
            self.loop.run_until_complete(asyncio.sleep(0))

    @invariant()
    def what_is_seen_is_committed_and_whole_and_in_order(self):
        committed = self.written[: self.table.last]
        for reader in self.readers:
            assert b"".join(committed[reader.after :]).startswith(reader.seen)

    def teardown(self):
        """In the end everybody has everything."""
        if not self.log.ended:
            self.end()
        while not self.log.whole:
            self.taken or self.take()
            self.stored or self.store()
            self.settle()
        for reader in self.readers:
            self.loop.run_until_complete(asyncio.wait_for(reader.task, 5))
            assert reader.seen == b"".join(self.written[reader.after :])
        assert self.log.followers == 0
        self.loop.close()


def test_every_reader_gets_every_durable_event_once_and_in_order_whatever_happens():
    with mock.patch("streams.log.KEEP_BYTES", 150):
        run_state_machine_as_test(
            AnyOrder, settings=settings(max_examples=80, stateful_step_count=40, deadline=None)
        )


def commit(log, table):
    group, _ = log.take()
    table.groups.append(group)
    log.settle(group)


async def test_old_groups_leave_memory_and_are_read_from_the_store(monkeypatch):
    monkeypatch.setattr("streams.log.KEEP_BYTES", 500)
    table = Table()
    log = Log("st", table.stored)
    with Follower(log) as close_behind, Follower(log) as late:
        for number in range(100):
            log.append(token(f"w{number}"))
            commit(log, table)
            await close_behind.next()
        assert table.reads == 0
        assert len(log._older) <= 500

        log.append(COMPLETE)
        commit(log, table)
        seen = b""
        while (given := await late.next()) is not None:
            seen += given
    assert table.reads > 0
    assert seen == b"".join(group.frames for group in table.groups)


async def test_a_stream_takes_one_terminal_event_and_nothing_after_it():
    log = Log("st", Table().stored)
    log.append({"type": "stopped", "reason": "requested", "metadata": {}})
    with pytest.raises(RuntimeError, match="has ended"):
        log.append(COMPLETE)
    assert log.last == 1


async def test_a_log_that_goes_on_numbers_on():
    log = Log("st", Table().stored, last=41)
    assert log.append(token("more")) == 42


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
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
    assert not log._waiters


async def test_a_reader_that_is_sent_off_while_it_waits_leaves_nothing_behind():
    log = Log("st", Table().stored)
    with Follower(log) as follower:
        waiting = asyncio.create_task(follower.next())
        await asyncio.sleep(0)
        assert log._waiters
        follower.dismiss()
        assert await waiting is None
    assert not log._waiters
