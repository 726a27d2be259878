"""The garbage collector: what is loaded is spared, and full collections wait for a quiet moment."""

import asyncio
import gc
import weakref

import pytest
from anyio.lowlevel import checkpoint

from api import collector
from tests.inside import inside

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def collector_as_it_was():
    thresholds = gc.get_threshold()
    gc.unfreeze()
    gc.collect()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Loop:
    """Garbage that only a collector finds."""

    def __init__(self):
        self.myself = self


def old_garbage():
    """A reference to what only a full collection takes, and a full one is due."""
    loop = Loop()
    for _ in range(collector.DUE):
        gc.collect(1)
    return weakref.ref(loop)


class Enough(Exception):
    """The last look was taken."""


async def left_after_a_look(*, busy, models=()):
    """What is left of garbage that came up before the collector's first look."""
    garbage = []

    async def sleep(seconds):
        if garbage:
            raise Enough
        garbage.append(old_garbage())

    with pytest.raises(Enough):
        await collector.tend(models, lambda: busy, sleep=sleep)
    return garbage[0]()


async def test_a_full_collection_waits_while_anything_runs():
    assert await left_after_a_look(busy=True) is not None


async def test_a_full_collection_is_made_in_a_quiet_moment():
    assert await left_after_a_look(busy=False) is None


async def test_what_is_loaded_is_spared_when_the_last_model_is_there():
    class Model:
        async def loaded(self):
            self.spared_before = gc.get_freeze_count()

    class Broken:
        async def loaded(self):
            raise ImportError("no such SDK")

    model = Model()
    await left_after_a_look(busy=True, models=[Broken(), model])
    assert model.spared_before == 0
    assert gc.get_freeze_count() > 0


async def test_a_server_spares_what_it_has_loaded(tmp_path):
    async with inside(tmp_path):
        async with asyncio.timeout(10):
            while not gc.get_freeze_count():
                await checkpoint()
