"""Leadstream inside an app of yours, Starlette or FastAPI, under /leadstream: mount.py [PORT]."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from server import create_app
from settings import load_settings

leadstream = create_app(load_settings())


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """A mounted app's lifespan is run by nobody else; without it Leadstream answers 503."""
    async with leadstream.router.lifespan_context(leadstream):
        yield


async def home(request: Request) -> Response:
    return PlainTextResponse("Yours.\n")


app = Starlette(
    routes=[Route("/", home), Mount("/leadstream", app=leadstream)],
    lifespan=lifespan,
)

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    # Streams do not end by themselves: without a limit they would hold up every shutdown.
    uvicorn.run(app, port=port, timeout_graceful_shutdown=5)
