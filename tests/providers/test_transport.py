"""The way to vendors, byte for byte: real sockets, on the loop of the tests and on the server's."""

import asyncio
import collections
import contextlib
import gc
import gzip
import random
import socket
import ssl
import struct
import weakref

import httpx2
import pytest
from anyio.lowlevel import checkpoint

from providers.connection import HEAD_BYTES, ROOM_BYTES, Unpacked
from providers.transport import Transport, body_of
from tests.upstream import addresses
from tests.upstream.addresses import NO_SUCH_HOST, black_hole, nobody, untrusted

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n"
CHUNK = CHUNKS + b"5\r\nhello\r\n"
NO_CHECK_TIME = 0x200000  # OpenSSL's: the certificate is of 2020
MUCH = random.Random(8).randbytes(32 << 20)


def whole(body=b"hello", head=OK):
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request, tmp_path):
    """What a server speaks, if it does."""
    if not request.param:
        return None
    (tmp_path / "pem").write_text(addresses._KEY + addresses.CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context


class Vendor:
    """A server, and a client at it. The n-th request gets the n-th answer, wherever it comes."""

    def __init__(self, answers, keep_s):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=addresses.CERTIFICATE)
        trusting.verify_flags |= NO_CHECK_TIME
        self.transport = Transport(trusting, keep_s)
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
async def vendor(*answers, keep_s=30, tls=None):
    """Answers are bytes, or functions that write them."""
    vendor = Vendor(answers, keep_s)
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


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("data", FRAMED.values(), ids=FRAMED)
async def test_a_body_is_the_same_however_its_bytes_are_cut(data, size):
    """Though its connection has seen another, whose head was almost too long."""
    before = whole(head=OK + b"x: " + b"x" * (HEAD_BYTES - 60) + b"\r\n")
    async with vendor(before, pieces(data, size)) as there:
        assert await there.told() == b"hello"
        response = await there.response()
        assert await read(body_of(response)) == b"hello world"
        assert not {"x", "x-sum", "x-more"} & response.headers.keys()
        assert there.asked == [1, 1]


@pytest.mark.parametrize("size", [1, 1000])
async def test_what_is_said_before_the_answer_is_skipped(size):
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    async with vendor(early + whole(), pieces(early + whole(), size)) as there:
        for _ in range(2):
            response = await there.response()
            assert (response.status_code, list(response.headers)) == (200, ["content-length"])
            assert await read(body_of(response)) == b"hello"
        assert there.asked == [1, 1]


KEPT, CLOSED = [1, 1, 1], [1, 2, 3]


@pytest.mark.parametrize(
    ("answer", "keep_s", "asked"),
    [
        (whole(), 30, KEPT),
        (FRAMED["trailers"], 30, KEPT),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 30, KEPT),
        (whole(head=b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n"), 30, KEPT),
        (whole(head=OK + b"connection: close\r\n"), 30, CLOSED),
        (whole(head=b"HTTP/1.0 200 OK\r\n"), 30, CLOSED),
        (whole(), 0, CLOSED),
    ],
    ids=["length", "trailers", "nothing", "1.0 that is kept", "close", "1.0", "none is kept"],
)
async def test_a_connection_is_used_again_where_both_sides_keep_it(answer, keep_s, asked, tls):
    async with vendor(*[answer] * 3, keep_s=keep_s, tls=tls) as there:
        for _ in asked:
            body = await there.body()
            await read(body)
            body.close()
        assert there.asked == asked
        for number in range(1, asked[-1]):
            await there.left[number].wait()


async def test_a_connection_to_one_vendor_is_not_used_for_another():
    async with vendor(whole()) as one, vendor(whole(b"other")) as other:
        await one.told()
        other.client = one.client
        assert await other.told() == b"other"


async def test_an_answer_that_is_left_in_its_middle_takes_its_connection_along(tls):
    async with vendor(CHUNK, whole(), tls=tls) as there:
        body = await there.body()
        assert await body.read() == b"hello"
        body.close()
        await there.left[1].wait()
        assert await there.told() == b"hello"
        assert there.asked == [1, 2]


@pytest.mark.parametrize("happens", [hang_up, whole(b"unasked")], ids=["end", "words"])
async def test_an_idle_connection_on_which_something_happens_is_forgotten(happens, tls):
    idle = asyncio.Event()

    async def then_happens(writer):
        writer.write(whole())
        await idle.wait()
        await happens(writer) if callable(happens) else writer.write(happens)

    async with vendor(then_happens, whole(), tls=tls) as there:
        body = await there.body()
        assert await read(body) == b"hello"
        idle.set()
        await there.left[1].wait()
        remembered = weakref.ref(body)
        del body
        await until(lambda: (gc.collect(), remembered())[1] is None)
        assert await there.told() == b"hello"
        assert there.asked == [1, 2]


async def test_a_connection_expires_when_it_is_idle_for_long_and_not_while_it_is_used():
    """The first is used while the second, which became idle after it, expires."""
    expired = asyncio.Event()
    late = after(expired, whole(b"late"))
    async with vendor(whole(), late, whole(), whole(), keep_s=0.05) as there:
        await there.told()
        waiting = asyncio.create_task(there.told())
        await until(lambda: there.asked == [1, 1])
        await there.told()
        await there.left[2].wait()
        expired.set()
        assert await waiting == b"late"
        await there.left[1].wait()
        await there.told()
        assert there.asked == [1, 1, 2, 3]


async def test_the_connection_that_was_used_last_is_used_next():
    answered = asyncio.Event()
    async with vendor(after(answered, whole(b"late")), whole(), whole()) as there:
        waiting = asyncio.create_task(there.told())
        await until(lambda: there.asked)
        await there.told()
        answered.set()
        assert await waiting == b"late"
        await there.told()
        assert there.asked == [1, 2, 1]


async def test_a_transport_that_was_closed_begins_anew():
    async with vendor(whole(), whole()) as there:
        await there.told()
        await there.transport.aclose()
        assert await there.told() == b"hello"
        await there.left[1].wait()
        assert there.asked == [1, 2]


@pytest.mark.parametrize("first", [whole(), CHUNK + b"0\r\n\r\n"], ids=["length", "chunks"])
@pytest.mark.parametrize("more", [whole(b"unasked"), CHUNKS, b"HTTP/1.1 2", b"no HTTP"])
async def test_what_follows_an_answer_is_not_of_it_and_ends_the_connection(first, more):
    async with vendor(first + more, whole(b"next")) as there:
        assert await there.told() == b"hello"
        await there.left[1].wait()
        assert await there.told() == b"next"
        assert there.asked == [1, 2]


EARLY = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n"
NO_ANSWERS = {
    "head without end": (OK + b"x: " + b"x" * HEAD_BYTES, "no end"),
    "head without end, in pieces": (pieces(OK + b"x: " + b"x" * HEAD_BYTES, 999), "no end"),
    "heads without end": (EARLY * (HEAD_BYTES // len(EARLY) + 1), "no end"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP"),
    "broken length": (OK + b"content-length: five\r\n\r\nhello", "no HTTP"),
    "switched": (SWITCHED + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n", "no HTTP"),
    "switched to nothing": (SWITCHED + b"\r\n", "no HTTP"),
    "end": (hang_up, "Server disconnected"),
    "end in the head": (pieces(OK + b"content-le"), "Server disconnected"),
    "end before the head": (pieces(EARLY), "Server disconnected"),
}


@pytest.mark.parametrize(("answer", "words"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_is_a_protocol_error(answer, words):
    async with vendor(answer, whole()) as there:
        with pytest.raises(httpx2.RemoteProtocolError, match=words):
            await there.body()
        await there.left[1].wait()
        assert await there.told() == b"hello"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (pieces(whole(b"hello world")[:-6]), "without sending complete message body"),
        (pieces(CHUNK), "without sending complete message body"),
        (CHUNK + b"six\r\n", "no HTTP"),
    ],
    ids=["length", "chunks", "no chunks"],
)
async def test_a_body_that_breaks_off_says_so_after_what_there_was(answer, words, tls):
    async with vendor(answer, tls=tls) as there:
        body = await there.body()
        await until(lambda: body.ended)
        assert await body.read() == b"hello"
        for _ in range(2):
            with pytest.raises(httpx2.RemoteProtocolError, match=words):
                await body.read()
        await there.left[1].wait()


@pytest.mark.parametrize("said", [b"", OK + b"content-le", CHUNK], ids=["", "head", "body"])
async def test_a_reset_is_an_error_of_reading(said):
    heard = asyncio.Event()

    async def then_reset(writer):
        writer.write(said)
        if said == CHUNK:
            await heard.wait()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def asked(there):
        body = await there.body()
        assert await body.read() == b"hello"
        heard.set()
        await body.read()

    async with vendor(then_reset) as there:
        with pytest.raises(httpx2.ReadError) as caught:
            await asked(there)
        assert heard.is_set() == (said == CHUNK)
        assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_a_reader_that_does_not_read_holds_its_vendor_back(tls):
    said = 0

    async def much(writer):
        nonlocal said
        writer.write(OK + b"content-length: %d\r\n\r\n" % len(MUCH))
        for i in range(0, len(MUCH), 1 << 16):
            writer.write(MUCH[i : i + (1 << 16)])
            await writer.drain()
            said += 1 << 16

    async def held_back():
        before = -1
        while before != said:
            before = said
            for _ in range(100):
                await checkpoint()
        return said < len(MUCH) / 2

    async with vendor(whole(bytes(ROOM_BYTES + 1)), much, whole(), tls=tls) as there:
        earlier = await there.body()
        await until(lambda: earlier.ended)
        body = await there.body()
        assert await held_back()
        await earlier.read()
        assert await held_back()
        first = await body.read()
        assert await held_back()
        assert first + await read(body) == MUCH
        assert await there.told() == b"hello"
        assert there.asked == [1, 1, 1]


async def test_an_answer_that_was_too_much_at_its_end_leaves_its_connection_to_the_next(tls):
    async with vendor(whole(bytes(ROOM_BYTES + 1)), whole(), tls=tls) as there:
        body = await there.body()
        await until(lambda: body.ended)
        assert await there.told() == b"hello"
        assert there.asked == [1, 1]
        assert await read(body) == bytes(ROOM_BYTES + 1)


async def test_cancelling_the_wait_for_an_answer_closes_its_connection(tls):
    async with vendor(silence, whole(), tls=tls) as there:
        waiting = asyncio.create_task(there.body())
        await until(lambda: there.asked)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await there.left[1].wait()
        assert await there.told() == b"hello"


async def test_closing_a_body_whose_reader_was_cancelled_closes_its_connection(tls):
    async with vendor(CHUNKS, whole(), tls=tls) as there:
        body = await there.body()
        reading = asyncio.create_task(body.read())
        await checkpoint()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        body.close()
        await there.left[1].wait()
        assert await there.told() == b"hello"


async def test_cancelling_at_any_step_is_a_cancellation_and_harms_no_other_request(tls):
    async with vendor(*[whole()] * 99, tls=tls, keep_s=0) as there:
        for steps in range(40):
            telling = asyncio.create_task(there.told())
            for _ in range(steps):
                await checkpoint()
            if telling.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await telling
            assert await there.told() == b"hello"
        for number in set(there.asked):
            await there.left[number].wait()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
async def test_a_header_that_would_be_two_is_refused_and_nothing_is_sent(end):
    async with vendor(whole()) as there:
        with pytest.raises(httpx2.LocalProtocolError, match="x-key"):
            await there.response(**{"x-key": f"a{end}x-more: b"})
        assert await there.told() == b"hello"
        assert there.asked == [1]


@pytest.mark.parametrize(
    ("address", "error", "cause"),
    [
        (nobody, httpx2.ConnectError, ConnectionRefusedError),
        (black_hole, httpx2.ConnectTimeout, TimeoutError),
        (untrusted, httpx2.ConnectError, ssl.SSLError),
    ],
)
async def test_a_vendor_that_cannot_be_reached(address, error, cause):
    transport = Transport(httpx2.create_ssl_context(trust_env=False), 30)
    client = httpx2.AsyncClient(transport=transport, timeout=0.2)
    with address() as url:
        async with asyncio.timeout(20), client:
            with pytest.raises(error) as caught:
                await client.get(url)
    assert isinstance(caught.value.__cause__, cause)


async def test_a_vendor_that_does_not_shake_hands_is_given_up():
    async with vendor() as there:
        there.client.timeout = 0.2
        there.url = f"https://127.0.0.1:{there.port}"
        with pytest.raises(httpx2.ConnectTimeout):
            await there.body()
        await there.left[1].wait()


def resolve(monkeypatch, *ports):
    """Let NO_SUCH_HOST be here, at each of these ports."""
    look_up = asyncio.get_running_loop().getaddrinfo

    async def looked_up(host, *args, **kwargs):
        if host != httpx2.URL(NO_SUCH_HOST).host:  # uvloop looks numbers up too
            return await look_up(host, *args, **kwargs)
        known = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
        return [(*known, ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)


@pytest.mark.parametrize("dead", [nobody, black_hole])
async def test_a_host_is_reached_at_the_address_that_is_alive(dead, monkeypatch):
    with dead() as url:
        async with vendor(whole()) as there:
            resolve(monkeypatch, httpx2.URL(url).port, there.port)
            there.url = NO_SUCH_HOST
            assert await there.told() == b"hello"


@pytest.mark.parametrize("tls", [True], indirect=True)
async def test_a_certificate_of_another_host_is_refused(tls, monkeypatch):
    async with vendor(whole(), tls=tls) as there:
        resolve(monkeypatch, there.port)
        there.url = NO_SUCH_HOST.replace("http", "https")
        with pytest.raises(httpx2.ConnectError, match=r"vendor\.invalid"):
            await there.told()


@pytest.mark.parametrize("size", [1, 1000])
async def test_what_came_as_gzip_is_unpacked(size):
    async with vendor(pieces(whole(gzip.compress(b"hello world")), size)) as there:
        unpacked = Unpacked(await there.body())
        assert await read(unpacked) == b"hello world"
        assert unpacked.ended


async def test_a_gzip_bomb_is_unpacked_a_little_at_a_time():
    async with vendor(whole(gzip.compress(bytes(32 << 20)))) as there:
        unpacked = Unpacked(await there.body())
        sizes = []
        while part := await unpacked.read():
            sizes.append(len(part))
        assert max(sizes) <= ROOM_BYTES
        assert sum(sizes) == 32 << 20


@pytest.mark.parametrize("data", [b"hello", gzip.compress(b"hello", mtime=0)[:-8] + bytes(8)])
async def test_what_is_no_gzip_is_an_error_of_decoding(data):
    async with vendor(whole(data)) as there:
        with pytest.raises(httpx2.DecodingError):
            await read(Unpacked(await there.body()))
