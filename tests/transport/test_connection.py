"""An answer's body, byte for byte, over real sockets."""

import asyncio
import gzip
import random
import socket
import struct

import httpx2
import pytest
from anyio.lowlevel import checkpoint

from providers.connection import HEAD_BYTES, ROOM_BYTES, Unpacked
from providers.transport import body_of
from tests.transport.vendor import (
    CHUNK,
    CHUNKS,
    FRAMED,
    OK,
    hang_up,
    pieces,
    read,
    until,
    vendor,
    whole,
)

pytestmark = pytest.mark.anyio

MUCH = random.Random(8).randbytes(32 << 20)


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
