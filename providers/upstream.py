"""One request to a vendor and its answer: sent, checked, read, closed.

What every vendor's file shares. All errors on the way become Faults here and nowhere else. The
socket is closed by whichever road one leaves, a cancelled task included, and closing awaits
nothing: an answer that was not read to its end is never given back to a pool. Time-outs after the
connect are not kept here: a read time-out is defeated by every ping, so the deadline above times
what was said.
"""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

import anyio
import httpx2

import errors
from providers.base import Chunk, Chunks
from providers.connection import Body, Unpacked
from providers.faults import Report, fault_of, reported
from providers.sentences import fault
from providers.transport import Transport, body_of
from settings import Settings

KEEP_S = 30
"""How long an idle connection is kept."""

_DRAIN_S = 0.02
_ERROR_BYTES = 1 << 16


class Reader(Protocol):
    """A vendor's format, pure: its bytes to Chunks."""

    ended: bool
    """`Finish` was given out: nothing that follows is read."""

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """What `data` says. Raises a Fault, or what its JSON decoder raises."""

    def close(self) -> Iterator[Chunk]:
        """The body has ended and `Finish` was not given out. Raises the Fault that this is."""


def transport(settings: Settings, keep_s: float = KEEP_S) -> Transport:
    """The way to one vendor. Reading the certificates takes some 20 ms."""
    tls = httpx2.create_ssl_context(trust_env=False)
    tls.set_alpn_protocols(["http/1.1"])
    return Transport(tls, settings.connect_timeout_s, keep_s)


Sent = Callable[[], Awaitable[httpx2.Response]]
"""Sends one request; its response, once the headers are there."""


@asynccontextmanager
async def opened(provider: str, send: Sent) -> AsyncIterator[httpx2.Response]:
    """The response to one request. Its body is taken past the iterators of httpx2."""
    with faults(provider):
        response = await send()
    try:
        yield response
    finally:
        body_of(response).close()


@asynccontextmanager
async def chunks_of(
    provider: str, send: Sent, media_type: str, reader: Reader
) -> AsyncIterator[Chunks]:
    """The Chunks that `reader` makes of the answer to one request."""
    async with opened(provider, send) as response:
        body = _unpacked(response)
        await _check(provider, media_type, response, body)
        async with aclosing(_read(provider, body, reader)) as chunks:
            yield chunks


def _unpacked(response: httpx2.Response) -> Body | Unpacked:
    body = body_of(response)
    packed = response.headers.get("content-encoding") in ("gzip", "deflate")
    return Unpacked(body) if packed else body


async def _read(provider: str, body: Body | Unpacked, reader: Reader) -> Chunks:
    with faults(provider):
        while data := await body.read():
            for chunk in reader.feed(data):
                yield chunk
            if reader.ended:
                await _drain(body)
                return
        for chunk in reader.close():
            yield chunk


async def _drain(body: Body | Unpacked) -> None:
    """Wait a moment for the body's own end: a connection that has seen it can be used again."""
    if not body.ended:
        with anyio.move_on_after(_DRAIN_S), contextlib.suppress(Exception):
            while await body.read():
                pass


async def _check(
    provider: str, expected: str, response: httpx2.Response, body: Body | Unpacked
) -> None:
    """Raise the Fault that any other status is, and a 200 of another content type: a portal's page,
    or an error."""
    status, headers = response.status_code, response.headers
    got = headers.get("content-type", "").partition(";")[0].strip().lower()
    if status == 200 and got == expected:
        return
    if status != 200 or got == "application/json":
        with faults(provider):
            told = error_object(await _first(body))
        if status != 200:
            raise reported(Report(status, told, headers), provider=provider)
        if told:
            raise reported(Report(None, told), provider=provider)
    known = got if re.fullmatch(r"[a-z0-9./+-]{1,60}", got) else "no type"
    raise fault(errors.ProtocolError, provider, f"expected {expected}, got {known}")


async def _first(body: Body | Unpacked) -> bytes:
    read = bytearray()
    while len(read) <= _ERROR_BYTES and (data := await body.read()):
        read += data
    return bytes(read)


def error_object(data: bytes) -> object:
    """The error object in `data`, in the shapes vendors give it; None where it is none."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and {"error", "message"} & told.keys() else None


@contextlib.contextmanager
def faults(provider: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # The cause may hold what the vendor answered, so no traceback may show it.
        raise fault_of(error, provider=provider) from None
