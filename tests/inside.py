"""A server inside the test's own event loop: a test may look at all that it has wired."""

import asyncio
import contextlib
import os
from unittest import mock

import httpx

from server import Server, create_app
from settings import load_settings
from tests import serving
from tests.reading import PATIENCE_S


class Inside:
    """A server in the test's own event loop: `house` is everything that it has wired."""

    def __init__(self, app, house, port):
        self.app = app
        self.house = house
        self.port = port
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False
        )

    async def try_to_start(self, message="hello", *, more=None, **beside):
        body = {"agent_type": "conversation", "lead": {}, **beside}
        body["input"] = {"message": message, **(more or {})}
        return await self.http.post("/api/stream/start/lead", json=body)

    async def start(self, message="hello", **options):
        answer = await self.try_to_start(message, **options)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def read(self, stream_id, query="", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.http.get(f"/api/stream/{stream_id}{query}", headers=sent)
        return answer.content

    async def execution(self, execution_id):
        return (await self.http.get(f"/api/executions/{execution_id}")).json()


@contextlib.asynccontextmanager
async def inside(folder, **settings):
    """A Leadstream in this event loop, on a free port."""
    with mock.patch.dict(os.environ, serving.environment(folder, **settings), clear=True):
        found = load_settings()
    app = create_app(found)
    listening = asyncio.get_running_loop().create_future()
    server = Server(
        app,
        found,
        on_started=lambda house, port: listening.set_result(Inside(app, house, port)),
    )
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve())
    await asyncio.wait((task, listening), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    running = listening.result()
    try:
        yield running
    finally:
        await running.http.aclose()
        server.should_exit = True
        await task
