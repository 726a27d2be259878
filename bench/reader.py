"""The reader of the bench: so many streams at once, and what each of them was told.

Ids must be 1, 2, 3 …: a gap is a lost event, an id twice a doubled one. A token's age is the time
between the vendor's sending and its coming here; both read the same clock.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from bench.vendor import age_us, now_us

_ID = re.compile(rb"(?m)^id: (\d+)$")
_STAMP = re.compile(rb"~([a-z]{6})")
_WORD = re.compile(rb'"type":"token"')


@dataclass
class Told:
    """What one stream came to; times in microseconds."""

    status: int = 0
    tokens: int = 0
    last_id: int = 0
    lost: int = 0
    doubled: int = 0
    asked_us: int = 0
    first_us: int | None = None
    last_us: int = 0
    ended: bool = False
    ages_us: list[int] = field(default_factory=list)
    gaps_us: list[int] = field(default_factory=list)


class Stream(asyncio.Protocol):
    """One request, read to its end or until it is let go."""

    def __init__(self, request: bytes, told: Told, *, stamped: bool) -> None:
        self._request = request
        self._told = told
        self._stamped = stamped
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._told.asked_us = now_us()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        self._told.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        told, now = self._told, now_us()
        whole, _, self._rest = (self._rest + body).rpartition(b"\n\n")
        words = len(_WORD.findall(whole))
        if self._stamped:
            ages = [age_us(found, now) for found in _STAMP.findall(whole)]
            told.ages_us += ages
            words = len(ages)
        for found in _ID.findall(whole):
            self._number(int(found))
        if words:
            if told.first_us is None:
                told.first_us = now
            else:
                told.gaps_us.append(now - told.last_us)
            told.last_us = now
            told.tokens += words

    def _number(self, number: int) -> None:
        told = self._told
        told.lost += max(0, number - told.last_id - 1)
        told.doubled += number <= told.last_id
        told.last_id = max(told.last_id, number)

    def on_message_complete(self) -> None:
        self._told.ended = True
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def read(
    url: str,
    *,
    streams: int,
    body: dict[str, object] | None,
    headers: dict[str, str] | None = None,
    ramp_s: float = 0,
    stamped: bool = True,
    within_s: float = 120,
    while_open: Callable[[], None] | None = None,
) -> list[Told]:
    """Open `streams` requests within `ramp_s`, and read them to their ends.

    `body` None is a GET. `while_open` is called once all are open, and all are let go after it.
    """
    at = urlsplit(url)
    request = _request(at.hostname or "", at.path, at.query, body, headers or {})
    loop = asyncio.get_running_loop()
    told = [Told() for _ in range(streams)]
    open_streams: list[Stream] = []
    begun = loop.time()
    for number, one in enumerate(told):
        pause_s = begun + ramp_s * number / streams - loop.time()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        _, stream = await loop.create_connection(
            lambda one=one: Stream(request, one, stamped=stamped),
            at.hostname,
            at.port or (443 if at.scheme == "https" else 80),
            ssl=ssl.create_default_context() if at.scheme == "https" else None,
        )
        open_streams.append(stream)
    ends = [stream.done for stream in open_streams]
    if while_open is not None:
        await _all_heard(told, within_s)
        await asyncio.to_thread(while_open)
        for stream in open_streams:
            stream.transport.close()
    await asyncio.wait(ends, timeout=within_s)
    return told


async def _all_heard(told: list[Told], within_s: float) -> None:
    """Every stream has been answered with something."""
    async with asyncio.timeout(within_s):
        while not all(one.last_id or one.tokens for one in told):
            await asyncio.sleep(0.05)


def _request(
    host: str, path: str, query: str, body: dict[str, object] | None, headers: dict[str, str]
) -> bytes:
    method, data = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
    said = {"host": host, "accept": "text/event-stream", "content-length": str(len(data))}
    said |= {"content-type": "application/json"} if data else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (said | headers).items())
    target = f"{path or '/'}{'?' + query if query else ''}"
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + data
