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
from streams.log import Log
from tests.streams.table import Table, commit, token

pytestmark = pytest.mark.anyio

COMPLETE = {"type": "complete", "metadata": {}}


class Reader:
    """A follower in a task of its own, and the bytes that it has been given or that were poured."""

    def __init__(self, loop, log, after):
        self.after = after
        self.seen = b""
        self.takes = True
        self.task = loop.create_task(self._read(log))

    async def _read(self, log):
        with Follower(log, self.after) as follower:
            follower.pour = self._pour
            while (given := await follower.next()) is not None:
                self.seen += given

    def _pour(self, frames):
        self.seen += frames if self.takes else b""
        return self.takes


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
        after = data.draw(st.integers(0, self.log.last))
        self.readers.append(Reader(self.loop, self.log, after))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def drop(self, data):
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        reader.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(reader.task)

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), takes=st.booleans())
    def open_or_close(self, data, takes):
        """Its connection has room, or is full."""
        data.draw(st.sampled_from(self.readers)).takes = takes

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
        assert not self.log.followers
        self.loop.close()


def test_every_reader_gets_every_durable_event_once_and_in_order_whatever_happens():
    with mock.patch("streams.log.KEEP_BYTES", 150):
        run_state_machine_as_test(
            AnyOrder, settings=settings(max_examples=80, stateful_step_count=40, deadline=None)
        )


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
