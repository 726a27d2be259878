"""A vendor of raw bytes, and a client at it."""

import asyncio
import collections
import contextlib
import ssl

import httpx2
from anyio.lowlevel import checkpoint

from providers.transport import Transport, body_of
from tests.upstream import addresses

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n"
CHUNK = CHUNKS + b"5\r\nhello\r\n"

NO_CHECK_TIME = 0x200000  # OpenSSL's: the certificate is of 2020


def whole(body=b"hello", head=OK):
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


class Vendor:
    """A server, and a client at it. The n-th request gets the n-th answer, wherever it comes."""

    def __init__(self, answers, connect_s, keep_s):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=addresses.CERTIFICATE)
        trusting.verify_flags |= NO_CHECK_TIME
        self.transport = Transport(trusting, connect_s, keep_s)
        self.client = httpx2.AsyncClient(transport=self.transport)
        self.asked = []
        """The connection that each request came on."""
        self.left = collections.defaultdict(asyncio.Event)
        """By connection: it has ended."""
        self.talks = []
        self._answers = iter(answers)

    async def serve(self, reader, writer):
        self.talks.append(asyncio.current_task())
        number = len(self.talks)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(number)
                answer = next(self._answers)
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(writer)
        self.left[number].set()
        writer.transport.abort()

    async def response(self, **headers):
        request = self.client.build_request("GET", self.url, headers=headers)
        return await self.client.send(request, stream=True)

    async def body(self):
        return body_of(await self.response())

    async def told(self):
        return await read(await self.body())


@contextlib.asynccontextmanager
async def vendor(*answers, connect_s=5, keep_s=30, tls=None):
    """Answers are bytes, or functions that write them."""
    vendor = Vendor(answers, connect_s, keep_s)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", ssl=tls)
    vendor.port = server.sockets[0].getsockname()[1]
    vendor.url = f"{'https' if tls else 'http'}://127.0.0.1:{vendor.port}"
    async with asyncio.timeout(20), server, vendor.client:
        yield vendor
        for talk in vendor.talks:
            talk.cancel()
        await asyncio.gather(*vendor.talks)


async def read(body):
    parts = []
    while part := await body.read():
        parts.append(part)
    return b"".join(parts)


async def until(true):
    while not true():
        await checkpoint()


async def silence(writer):
    pass


async def hang_up(writer):
    """By halves, where that can be: so it is seen that the client hangs up too."""
    writer.write_eof() if writer.can_write_eof() else writer.close()


def pieces(data, size=1 << 16):
    """An answer that comes a piece at a time, and is the connection's last."""

    async def write(writer):
        for i in range(0, len(data), size):
            writer.write(data[i : i + size])
            for _ in range(3):  # the client may take it
                await checkpoint()
        await hang_up(writer)

    return write


def after(event, data):
    async def write(writer):
        await event.wait()
        writer.write(data)

    return write


FRAMED = {
    "length": whole(b"hello world"),
    "chunks": CHUNK + b"6\r\n world\r\n0\r\n\r\n",
    "extensions": CHUNKS + b'5;a=b;c="d"\r\nhello\r\n6;e\r\n world\r\n0;f\r\n\r\n',
    "trailers": CHUNK + b"6\r\n world\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n",
    "until the end": OK + b"\r\nhello world",
}
