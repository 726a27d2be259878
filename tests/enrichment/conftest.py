"""The fakes, and the sources as the server wires them, on a database and a clock of the test's."""

import contextlib
import os
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from agents.grounding.sources import load_sources
from agents.grounding.sources.asking import Order, Sources
from agents.grounding.sources.base import keys_of
from routing.one_answer import one_answer
from settings import Settings
from store.database import Database
from tests.enrichment.fakes import FakeSources


@pytest.fixture(scope="session")
def running_fakes():
    with FakeSources() as fakes:
        yield fakes


@pytest.fixture
def fakes(running_fakes):
    running_fakes.forget()
    return running_fakes


class Desk:
    """Sources, and a short way of asking them. `move(days=8)` is how time passes."""

    def __init__(self):
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def move(self, **time):
        self.now += timedelta(**time)

    def ask(self, lead, source="apollo", about=None, **order):
        """The one lookup of a source about `person`, `company` or `lead`."""
        kind = self.sources.all[source]
        (question,) = [q for q in kind.estimate(keys_of(lead)) if about in (None, q.about)]
        said = {"owner": "", "execution_id": "ex_1", "credits": 2} | order
        return self.sources.look_up(kind, question, Order(**said))


@pytest.fixture
async def desk(tmp_path, fakes):
    desk = Desk()
    async with desk_of(desk, tmp_path, fakes.variables()):
        yield desk


@contextlib.asynccontextmanager
async def desk_of(desk, folder, variables, **settings):
    """`desk.sources`, on real sockets."""
    usual = {"connect_timeout_s": 1, "retry_base_s": 0.001, "breaker_threshold": 10**6}
    with mock.patch.dict(os.environ, variables, clear=True):
        settings = Settings(**usual | settings)
    async with contextlib.AsyncExitStack() as stack:
        desk.database = await stack.enter_async_context(Database(folder / "leadstream.db"))
        made = [kind(settings) for kind in load_sources()]
        for source in made:
            source.ask = await stack.enter_async_context(one_answer(source.name, settings))
        desk.sources = Sources(made, desk.database, late_wait_s=0.05, now=lambda: desk.now)
        yield
