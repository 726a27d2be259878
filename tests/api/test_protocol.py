"""What our protocol lets an application do beside `send`, on a connection of uvicorn's."""

import asyncio
import contextlib

import httpx
import pytest
import uvicorn

from api.protocol import POUR, Protocol
from tests.inside import inside
from tests.reading import PATIENCE_S
from tests.serving import frames, script, words

pytestmark = pytest.mark.anyio

PIECE = 20_000 * b"x"


class Pouring:
    """An application that answers with `begun` and leaves the rest to the test, which pours."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.done = asyncio.Event()
        self.formed = 0

    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        self._pour = scope["extensions"][POUR]
        self.asked.set()
        await self.done.wait()
        await send({"type": "http.response.body", "body": b" ended"})

    def pour(self, frames):
        return self._pour(self._form, frames)

    def _form(self, frames):
        self.formed += 1
        return frames.removeprefix(b"no words")


@pytest.fixture
async def app():
    """The application, and a reader who has asked: `(app, reader)`."""
    app = Pouring()
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Protocol, lifespan="off"))
    server.capture_signals = contextlib.nullcontext
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/") as answer,
    ):
        await app.asked.wait()
        yield app, answer
    app.done.set()
    server.should_exit = True
    await serving


async def test_what_is_poured_stands_between_what_was_sent_before_and_behind(app):
    app, answer = app
    assert app.pour(b"one ")
    assert app.pour(b"no words")
    assert app.pour(b"two")
    app.done.set()
    assert await answer.aread() == b"begun one two ended"


async def test_a_connection_that_is_full_takes_nothing_until_its_reader_has(app):
    app, answer = app
    poured = 0
    while app.pour(PIECE):
        poured += 1
        assert poured < 2_000, "no connection has room for so much"
        await asyncio.sleep(0)
    assert app.formed == poured
    read = answer.aiter_raw()
    while not app.pour(PIECE):
        assert await anext(read)
    app.done.set()
    rest = b"".join([part async for part in read])
    assert rest.endswith(PIECE + b" ended")


async def test_nothing_is_poured_for_a_reader_who_is_gone(app):
    app, answer = app
    await answer.aclose()
    async with asyncio.timeout(PATIENCE_S):
        while app.pour(b"one "):  # noqa: ASYNC110 - nor here
            await asyncio.sleep(0)
    formed = app.formed
    assert not app.pour(b"two")
    assert app.formed == formed


async def test_a_server_without_our_extensions_streams_the_same(tmp_path):
    async with inside(tmp_path) as server:
        stream_id = (await server.start(script(words(20), pace_ms=1)))["stream_id"]
        elsewhere = httpx.ASGITransport(server.app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://localhost") as client:
            answer = await client.get(f"/api/stream/{stream_id}")
        assert answer.status_code == 200
        assert frames(answer.content) == frames(await server.read(stream_id))
