"""A connection to a vendor and the Body of the answer on it: bytes as the socket gave them.

Every token comes by here: between the socket and the reader of a format stand one parser in C and
one list, where HTTP clients have a chain of generators that a piece wakes one by one. What goes
wrong is an exception of httpx2's, because `faults` knows them.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import cast

import httptools
import httpx2

HEAD_BYTES = 64 * 1024
"""What comes before a body may be so long."""

ROOM_BYTES = 256 * 1024
"""So much is taken in before somebody reads it; the rest waits at the vendor's."""

Head = tuple[int, list[tuple[bytes, bytes]]]


class Body(httpx2.AsyncByteStream):
    """The body of one answer, as it comes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self.ended = False
        """Its last byte is here, read or not."""
        self.head: asyncio.Future[Head] = loop.create_future()
        self._loop = loop
        self._transport = transport
        self._parts: list[bytes] = []
        self._held = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has come since, at least one byte; b"" at the end."""
        while not self._parts and not self.ended:  # a chunk's size alone wakes it too
            self._waiter = self._loop.create_future()
            await self._waiter
        if not self._parts and self._error is not None:
            raise self._error
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if self._held > ROOM_BYTES and not self.ended:
            self._transport.resume_reading()
        self._held = 0
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    def close(self) -> None:
        """Hang up, unless its end is here."""
        if not self.ended:
            self._transport.abort()

    async def aclose(self) -> None:
        self.close()

    # The connection's side.

    def add(self, data: bytes) -> None:
        if self.ended:
            return
        self._parts.append(data)
        if self._held <= ROOM_BYTES < self._held + len(data):
            self._transport.pause_reading()
        self._held += len(data)

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; only the first end counts."""
        if not self.ended:
            self.ended, self._error = True, error
            if error is not None and not self.head.done():
                self.head.set_exception(error)

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Unpacked:
    """What a Body holds that came as gzip, which nobody has asked for; a little at a time."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    @property
    def ended(self) -> bool:
        return self._body.ended

    async def read(self) -> bytes:
        try:
            while packed := self._inflate.unconsumed_tail or await self._body.read():
                if data := self._inflate.decompress(packed, ROOM_BYTES):
                    return data
        except zlib.error as error:
            raise httpx2.DecodingError("It said gzip and is none.") from error
        return b""


class Connection(asyncio.Protocol):
    """One connection, for one request after the other."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.on_idle: Callable[[Connection], object] = Connection.close
        """It has nothing to do and may be used again."""
        self.on_lost: Callable[[Connection], object] = lambda connection: None
        self._parser = httptools.HttpResponseParser(self)
        self._body: Body | None = None

    def ask(self, request: bytes) -> Body:
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._framed = False
        self._body = body = Body(self.transport)
        self.transport.write(request)
        return body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by its class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        body = self._body
        if body is None or body.ended:
            self.close()  # what nobody has asked for
            return
        if not body.head.done():
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"This is no HTTP/1.1: {error}")
        if self._head_bytes > HEAD_BYTES and not body.head.done():
            self._fail("The head of the answer has no end.")
        if body.ended and not self.transport.is_closing():
            self.transport.resume_reading()  # which the last piece may have paused
            self.on_idle(self)
        body.wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.on_lost(self)
        body = self._body
        if body is None:
            return
        if error is not None:
            lost: Exception = httpx2.ReadError(str(error))
            lost.__cause__ = error
            body.end(lost)
        elif not body.head.done():
            body.end(httpx2.RemoteProtocolError("Server disconnected without an answer."))
        elif self._framed:
            told = "It hung up without sending complete message body."
            body.end(httpx2.RemoteProtocolError(told))
        body.end()
        body.wake()

    def close(self) -> None:
        self.transport.abort()

    # The parser's side.

    def on_message_begin(self) -> None:
        if self._asked.ended:
            self.close()  # an answer that nobody has asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._asked.head.done():  # a trailer is none
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = []
        elif not self._asked.head.done():
            names = {name.lower() for name, _ in self._headers}
            self._framed = bool(names & {b"content-length", b"transfer-encoding"})
            self._asked.head.set_result((status, self._headers))

    def on_body(self, data: bytes) -> None:
        assert self._body
        self._body.add(data)

    def on_message_complete(self) -> None:
        if self._asked.head.done():
            self._asked.end()
            if not self._parser.should_keep_alive():
                self.close()

    @property
    def _asked(self) -> Body:
        assert self._body
        return self._body

    def _fail(self, told: str) -> None:
        self._asked.end(httpx2.RemoteProtocolError(told))
        self.close()
