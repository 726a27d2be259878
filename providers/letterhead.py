"""A vendor's letterhead: address, key and headers as its SDK writes them.

An SDK writes a request out of options, model by model, which takes as long as a durable commit,
and but for its body it is the same each time. So the SDK is asked for one, over a client that
leads nowhere, and what goes out is its head above other bodies.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import msgspec

from providers.transport import Origin, Transport, head_of, origin_of

Write = Callable[[str], httpx2.Request]
"""Has an SDK write a request to a path or a URL. It may raise what it likes."""


class Letterhead:
    """Sends bodies to one address. What `write` raises is raised by each `send`."""

    def __init__(self, write: Write, address: str, transport: Transport) -> None:
        self._write = write
        self._address = address
        self._transport = transport
        self._head: tuple[Origin, bytes] | None = None

    async def send(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The response, once its headers are here."""
        origin, head = self.head()
        content = msgspec.json.encode(body)
        asked = b"%bcontent-length: %d\r\n\r\n%b" % (head, len(content), content)
        return await self._transport.ask(origin, asked)

    def at(self, address: str) -> "Letterhead":
        """The same for another path or URL."""
        return Letterhead(self._write, address, self._transport)

    async def close(self) -> None:
        await self._transport.aclose()

    def head(self) -> tuple[Origin, bytes]:
        """Where to, and the lines above every body but for its length."""
        if self._head is None:
            request = self._write(self._address)
            request.headers.pop("content-length", None)
            self._head = origin_of(request.url), head_of(request)
        return self._head


class Built:
    """A letterhead that is made in a thread while the server answers already: importing an SDK
    takes a second, the certificates some 20 ms. Whoever asks before it is there waits for it."""

    def __init__(self, build: Callable[[], Letterhead]) -> None:
        self._build = asyncio.create_task(asyncio.to_thread(_with_head, build))

    async def letterhead(self) -> Letterhead:
        if not self._build.done():
            await asyncio.shield(self._build)
        return self._build.result()

    async def close(self) -> None:
        await (await self.letterhead()).close()


def _with_head(build: Callable[[], Letterhead]) -> Letterhead:
    """In a thread, since an SDK asks about the machine for its first head. One that it cannot write
    is each request's to tell."""
    letterhead = build()
    with contextlib.suppress(Exception):
        letterhead.head()
    return letterhead


def nowhere() -> httpx2.Client:
    """A client for an SDK that is to write a request and not to send it."""
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200))
    return httpx2.Client(transport=transport, timeout=None, trust_env=False)
