"""One request to a vendor and its answer: sent, checked, read, closed.

What every vendor's file shares. All errors on the way become Faults here and nowhere else. The
socket is closed by whichever road one leaves, a cancelled task included: an answer that was not
read to its end is never given back to a pool. Time-outs after the connect are not kept here: a
read time-out is defeated by every ping, so the deadline above times what was said.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import anyio

import errors
from providers.base import Chunk, Chunks
from providers.faults import Report, fault_of, reported
from providers.sentences import fault
from settings import Settings

if TYPE_CHECKING:
    from httpx2 import Response

MAX_CONNECTIONS = 4096
"""Of each provider. It must be a number: for aiohttp, None is 100, and the next stream waits."""

_KEEPALIVE_S = 30
_CLOSE_S = 1
_DRAIN_S = 0.02
_ERROR_BYTES = 1 << 16

R = TypeVar("R")


class Closable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Built(Generic[C]):
    """A client that is built in a thread while the server answers already: importing an SDK takes a
    second, the certificates some 20 ms. Whoever asks before it is there waits for it."""

    def __init__(self, build: Callable[[], C]) -> None:
        self._build = asyncio.create_task(asyncio.to_thread(build))

    async def client(self) -> C:
        if not self._build.done():
            await asyncio.shield(self._build)
        return self._build.result()

    async def close(self) -> None:
        await (await self.client()).close()


class Reader(Protocol):
    """A vendor's format, pure: its bytes to Chunks."""

    ended: bool
    """`Finish` was given out: nothing that follows is read."""

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """What `data` says. Raises a Fault, or what its JSON decoder raises."""

    def close(self) -> Iterator[Chunk]:
        """The body has ended and `Finish` was not given out. Raises the Fault that this is."""


def client_options(settings: Settings, provider: str) -> dict[str, Any]:
    """For any client with the arguments of `httpx2.AsyncClient`.

    A status other than 200 is a Fault at once: the SDKs would first read the whole of its body,
    however long it is.
    """
    import httpx2

    connect = settings.connect_timeout_s
    return {
        "limits": httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_S,
        ),
        # aiohttp times the look-up of the host's name with the pool's timer only.
        "timeout": httpx2.Timeout(None, connect=connect, pool=connect),
        "follow_redirects": False,
        "trust_env": False,
        "event_hooks": {"response": [partial(_check_status, provider)]},
    }


@asynccontextmanager
async def opened(
    provider: str, call: Callable[[], AbstractAsyncContextManager[R]]
) -> AsyncIterator[R]:
    """The response to one request, once its headers are there."""
    with faults(provider):
        manager = call()
        response = await manager.__aenter__()
    try:
        yield response
    finally:
        # Shielded, for the task may be cancelled; bounded, for the peer may be gone.
        with anyio.move_on_after(_CLOSE_S, shield=True), contextlib.suppress(Exception):
            await manager.__aexit__(None, None, None)


@asynccontextmanager
async def chunks_of(
    provider: str, body: AsyncGenerator[bytes, None], reader: Reader
) -> AsyncIterator[Chunks]:
    """The Chunks that `reader` makes of a body."""
    async with aclosing(body), aclosing(_read(provider, body, reader)) as chunks:
        yield chunks


async def _read(provider: str, body: AsyncGenerator[bytes, None], reader: Reader) -> Chunks:
    with faults(provider):
        async for data in body:
            for chunk in reader.feed(data):
                yield chunk
            if reader.ended:
                await _drain(body)
                return
        for chunk in reader.close():
            yield chunk


async def _drain(body: AsyncGenerator[bytes, None]) -> None:
    """Wait a moment for the body's own end: a connection that has seen it can be used again."""
    with anyio.move_on_after(_DRAIN_S):
        async for _ in body:
            pass


async def check_type(
    provider: str, expected: str, headers: Any, body: AsyncGenerator[bytes, None]
) -> None:
    """Raise the Fault that a 200 of another content type is: a portal's page, or an error."""
    got = headers.get("content-type", "").partition(";")[0].strip().lower()
    if got == expected:
        return
    if got == "application/json":
        with faults(provider):
            told = error_object(await _first(body))
        if told:
            raise reported(Report(None, told), provider=provider)
    known = got if re.fullmatch(r"[a-z0-9./+-]{1,60}", got) else "no type"
    raise fault(errors.ProtocolError, provider, f"expected {expected}, got {known}")


async def _check_status(provider: str, response: "Response") -> None:
    if response.status_code != 200:
        with faults(provider):
            told = error_object(await _first(response.aiter_bytes()))
        raise reported(Report(response.status_code, told, response.headers), provider=provider)


async def _first(body: AsyncGenerator[bytes, None]) -> bytes:
    read = bytearray()
    async with aclosing(body):
        async for data in body:
            read += data
            if len(read) > _ERROR_BYTES:
                break
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
