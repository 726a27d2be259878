"""One request and its whole answer, for vendors that are no models: those who know of companies.

It shares with the models' vendors what makes a client safe (no redirects, no proxies out of the
environment, bounded bodies, any error as a Fault), and leaves what an answer means to its caller.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import httpx2

import errors
from providers import upstream
from providers.faults import Report, reported
from providers.sentences import fault
from settings import Settings

MAX_BYTES = 1 << 20


class Reply(NamedTuple):
    """An answer of success; `said` is its JSON object, None where it is none."""

    status: int
    said: dict[str, Any] | None


Ask = Callable[..., Awaitable[Reply]]


@asynccontextmanager
async def exchange(name: str, settings: Settings) -> AsyncIterator[Ask]:
    """`ask(method, url, as_object=False, **content)`: one request, `content` as httpx takes it.

    Raises a Fault; one that the vendor has answered carries its `http_status`. `as_object`: an
    answer that is no JSON object is a Fault too.
    """
    async with await asyncio.to_thread(_client, name, settings) as client:

        async def ask(method: str, url: str, *, as_object: bool = False, **content: Any) -> Reply:
            request = client.build_request(method, url, **content)
            async with upstream.opened(name, lambda: client.send(request, stream=True)) as response:
                body = await _whole(name, response.aiter_bytes())
            status: int = response.status_code
            if not 200 <= status < 300:
                told = Report(status, upstream.error_object(body), response.headers)
                refusal = reported(told, provider=name)
                refusal.extra["http_status"] = status
                raise refusal
            said = _object(body)
            if as_object and said is None:
                raise fault(errors.ProtocolError, name, "no JSON object")
            return Reply(status, said)

        yield ask


async def _whole(name: str, parts: Any) -> bytes:
    read = bytearray()
    with upstream.faults(name):
        async with aclosing(parts):
            async for part in parts:
                read += part
                if len(read) > MAX_BYTES:
                    raise fault(errors.TooLarge, name, f"more than {MAX_BYTES} bytes")
    return bytes(read)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _client(name: str, settings: Settings) -> httpx2.AsyncClient:
    # No connection is kept: a request that dies on a stale one could not be told from one that the
    # vendor has carried out. Time-outs are kept above.
    return httpx2.AsyncClient(
        transport=upstream.transport(settings, keep_s=0),
        headers={"accept-encoding": "identity"},
        timeout=None,
        follow_redirects=False,
        trust_env=False,
    )
