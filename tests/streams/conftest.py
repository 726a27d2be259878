"""A journal on a real database, whose disk the test holds in its hand."""

import pytest

from streams.journal import Journal
from tests.store.watched import Watched
from tests.streams.stories import at_once


@pytest.fixture
async def database(tmp_path):
    async with Watched(tmp_path / "leadstream.db") as database:
        yield database


@pytest.fixture
async def journal(database):
    async with Journal(database, interval_s=0, sleep=at_once) as journal:
        yield journal
        database.open.set()
