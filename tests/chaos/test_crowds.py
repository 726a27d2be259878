"""What `--soak` does to thousands, done to hundreds: no byte lost, and nothing left behind."""

import pytest

from tests.chaos import crowds
from tests.serving import serve, types

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """No breaker, no limit: what is counted is what it holds."""
    with serve(tmp_path_factory.mktemp("crowds"), max_streams=60, max_followers=500) as server:
        yield server


async def test_readers_cut_at_any_byte_have_every_byte_at_the_end(server):
    found = await crowds.cut_readers(server, 60, seed="ci")
    assert found["reconnects"] > 60
    assert found["unequal"] == 0


async def test_clients_that_vanish_after_their_request_leave_nothing_behind(server):
    found = await crowds.vanishing_clients(server, 200)
    assert (found["sockets_left"], found["descriptors_left"]) == (0, 0)


async def test_short_streams_leave_nothing_behind(server):
    found = await crowds.short_streams(server, 300)
    assert found["not_whole"] == 0
    assert (found["sockets_left"], found["descriptors_left"]) == (0, 0)
    assert found["kib_left"] < 300 * 40, "a stream that has ended leaves memory"


def test_after_all_that_every_place_is_free(server):
    started = [server.start(detach=True)["stream_id"] for _ in range(60)]
    assert {types(server.read(stream_id))[-1] for stream_id in started} == {"complete"}
