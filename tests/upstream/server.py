"""HTTP/1.1 by hand on a real socket, so that every byte and every way to hang up is ours.

The server reads a request, asks `respond` what to do, does it, and reads the next: connections are
kept alive, so that a client's pool is real. It runs on one event loop and knows no vendor.
"""

import asyncio
import contextlib
from collections.abc import Callable

from tests.upstream.exchange import Exchange
from tests.upstream.script import Request, Script

Respond = Callable[[Request, int], tuple[Exchange, Script]]
"""A request and the number of its connection → where it is recorded, and what is sent."""


class Reader(asyncio.StreamReader):
    """A reader that says when the client has gone, without reading what it may still send."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: BaseException) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]
        self.gone.set()


class Server:
    """Listens on 127.0.0.1, on a port that the system chooses."""

    def __init__(self, respond: Respond, changed: Callable[[], None]) -> None:
        self._respond = respond
        self._changed = changed
        self._talks: set[asyncio.Task[None]] = set()
        self.connections = 0
        """How many have been accepted."""

    @property
    def connected(self) -> int:
        """How many are open now, the idle ones of a pool included."""
        return len(self._talks)

    async def run(self, listening: Callable[[int], None], stop: asyncio.Event) -> None:
        """Serve until `stop`; `listening` is told the port. Afterwards no socket is open."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, "127.0.0.1", 0, backlog=4096)
        try:
            listening(server.sockets[0].getsockname()[1])
            await stop.wait()
        finally:
            server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _accept(self) -> asyncio.StreamReaderProtocol:
        reader = Reader()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = asyncio.ensure_future(self._talk(reader, writer))
            self._talks.add(talk)
            talk.add_done_callback(self._ended)

        return asyncio.StreamReaderProtocol(reader, connected)

    def _ended(self, talk: asyncio.Task[None]) -> None:
        self._talks.discard(talk)
        self._changed()

    async def _talk(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        # Whatever was written has left before the next step: a reset must not overtake it.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            while not writer.is_closing() and (request := await read_request(reader)):
                exchange, script = self._respond(request, number)
                await exchange.run(script, writer, reader.gone)
                if request.headers.get("connection") == "close":
                    return
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None where the client has no more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = start.split(" ")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Request(method, path, headers, await _body(reader, headers))
    except (asyncio.IncompleteReadError, OSError):
        return None


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
