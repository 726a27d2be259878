"""One script played on one connection, and recorded as it goes."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from http import HTTPStatus

from tests.upstream.records import KEPT_BYTES, Attempt
from tests.upstream.script import (
    Chunk,
    Cut,
    End,
    Head,
    Hold,
    Reply,
    Reset,
    Script,
    Step,
    Wait,
)

_PHRASES = {int(status): status.phrase for status in HTTPStatus}


class Exchange:
    """`pace_s` is the pause before each piece; `changed()` is called after each change."""

    def __init__(self, attempt: Attempt, pace_s: float, changed: Callable[[], None]) -> None:
        self.attempt = attempt
        self.released = asyncio.Event()
        self.failure: Exception | None = None
        """What was wrong with the script itself: the test's mistake, not the client's."""
        self._pace_s = pace_s
        self._changed = changed

    async def run(self, script: Script, writer: asyncio.StreamWriter, gone: asyncio.Event) -> None:
        """Play until the script ends or the client leaves, whatever comes first."""
        playing = asyncio.ensure_future(self._play(script, writer))
        leaving = asyncio.ensure_future(gone.wait())
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            self.attempt.client_left = not (playing.done() and playing.result())
        finally:
            playing.cancel()
            leaving.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)
            if self.attempt.client_left or self.failure:
                writer.transport.abort()
            self.attempt.holding = False
            self.attempt.closed_s = time.monotonic()
            self._changed()

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> bool:
        """Whether the script came to its end: it does not where the client has gone."""
        try:
            for step in script:
                await self._act(step, writer)
        except OSError:
            return False
        except Exception as failure:
            self.failure = failure
        return True

    async def _act(self, step: Step, writer: asyncio.StreamWriter) -> None:
        match step:
            case Chunk():
                await self._send(step, writer)
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Hold():
                await self._hold()
            case Reply() | Head():
                await self._open(step, writer)
            case End():
                writer.write(b"0\r\n\r\n")
                await writer.drain()
            case Cut():
                writer.close()
            case Reset():
                _reset(writer)

    async def _open(self, step: Reply | Head, writer: asyncio.StreamWriter) -> None:
        body = step.body if isinstance(step, Reply) else b""
        self.attempt.bytes_sent += len(body)
        self.attempt.sent += body
        writer.write(_head(step) + body)
        await writer.drain()
        self._changed()

    async def _send(self, chunk: Chunk, writer: asyncio.StreamWriter) -> None:
        # Even without a pause the loop must turn: an endless script may not starve the others.
        await asyncio.sleep(self._pace_s if chunk.piece else 0)
        writer.write(b"%x\r\n%b\r\n" % (len(chunk.data), chunk.data))
        await writer.drain()
        attempt = self.attempt
        attempt.sent += chunk.data[: KEPT_BYTES - len(attempt.sent)]
        attempt.bytes_sent += len(chunk.data)
        attempt.pieces_sent += chunk.piece
        attempt.usage_sent = chunk.usage or attempt.usage_sent
        self._changed()

    async def _hold(self) -> None:
        self.attempt.holding = True
        self._changed()
        await self.released.wait()
        self.attempt.holding = False


def _head(step: Reply | Head) -> bytes:
    """Of a whole response, or of one whose body comes in chunks."""
    if isinstance(step, Reply):
        status, framing = step.status, ("content-length", str(len(step.body)))
    else:
        status, framing = 200, ("transfer-encoding", "chunked")
    headers = (("content-type", step.media_type), framing, *step.headers)
    start = f"HTTP/1.1 {status} {_PHRASES.get(status, 'Overloaded')}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{start}{lines}\r\n".encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: closing a socket that may not linger throws it away."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
