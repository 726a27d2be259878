"""The way to vendors: HTTP/1.1 and TLS, and the connections that are kept.

It is a transport of httpx2, ours for what `connection` says: models' vendors are asked through
`ask`, with a head that is written already, all others over a client. It speaks to vendors and no
more: no proxy, no redirect, no HTTP/2. A connection is used again if it has seen the end of its
answer, and closed if it has not.
"""

import asyncio
import socket
from functools import partial
from ssl import SSLContext

import httpx2
from aiohappyeyeballs import start_connection

from providers.connection import Body, Connection

NEXT_ADDRESS_S = 0.25
"""An address that is silent for so long is given company: some hosts' IPv6 leads nowhere."""

Origin = tuple[str, str, int]


class Transport(httpx2.AsyncBaseTransport):
    """Connections to vendors, each made within `connect_s`; those that are idle are kept for
    `keep_s`, 0 for not at all."""

    def __init__(self, tls: SSLContext, connect_s: float, keep_s: float) -> None:
        self._tls = tls
        self._connect_s = connect_s
        self._keep_s = keep_s
        self._idle: dict[Origin, list[Connection]] = {}
        self._expiries: dict[Connection, asyncio.TimerHandle] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = head_of(request) + b"\r\n" + request.content
        return await self.ask(origin_of(request.url), asked)

    async def ask(self, origin: Origin, asked: bytes) -> httpx2.Response:
        """The response to a request as it goes out, once its headers are here."""
        connection = self._kept(origin) or await self._connected(origin)
        body = connection.ask(asked)
        try:
            status, headers = await body.head
        except BaseException:
            connection.close()
            raise
        return httpx2.Response(status, headers=headers, stream=body, extensions={"body": body})

    async def aclose(self) -> None:
        for connection in list(self._expiries):
            connection.close()

    def _keep(self, origin: Origin, connection: Connection) -> None:
        if self._keep_s <= 0:
            connection.close()
            return
        self._idle.setdefault(origin, []).append(connection)
        expiry = asyncio.get_running_loop().call_later(self._keep_s, connection.close)
        self._expiries[connection] = expiry

    def _lost(self, origin: Origin, connection: Connection) -> None:
        if (expiry := self._expiries.pop(connection, None)) is not None:
            expiry.cancel()
            self._idle[origin].remove(connection)

    def _kept(self, origin: Origin) -> Connection | None:
        """The one that was used last; the others may expire."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._expiries.pop(connection).cancel()
            if not connection.transport.is_closing():
                return connection
        return None

    async def _connected(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await _connect(host, port, self._tls if scheme == "https" else None)
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(f"{host} did not answer.") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        connection.on_idle = partial(self._keep, origin)
        connection.on_lost = partial(self._lost, origin)
        return connection


def origin_of(url: httpx2.URL) -> Origin:
    """Raises UnsupportedProtocol."""
    scheme, host = url.scheme, url.raw_host.decode("ascii")
    if scheme not in ("http", "https"):
        raise httpx2.UnsupportedProtocol(f"{scheme!r} is neither http nor https.")
    return scheme, host, url.port or (443 if scheme == "https" else 80)


def head_of(request: httpx2.Request) -> bytes:
    """The lines that go out before a body; the blank one is the body's. Raises LocalProtocolError
    for a header that would be two."""
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if b"\n" in value or b"\r" in value or b"\0" in value:
            raise httpx2.LocalProtocolError(f"The header {name.decode()} has a line break in it.")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def body_of(response: httpx2.Response) -> Body:
    """The Body of a response that a Transport has brought."""
    body: Body = response.extensions["body"]
    return body


async def _connect(host: str, port: int, tls: SSLContext | None) -> Connection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    sock = await start_connection(
        found, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=loop
    )
    # From here on the loop closes the socket, whatever happens. If we did, beneath a TLS that says
    # goodbye yet, the next connection would break: asyncio knows sockets by their numbers.
    _, connection = await loop.create_connection(
        Connection, sock=sock, ssl=tls, server_hostname=host if tls else None
    )
    return connection
