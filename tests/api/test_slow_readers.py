"""Readers that take nothing, and readers that are gone: none keeps its place for long."""

import asyncio
import logging
import re
import socket

import pytest

from tests.inside import inside
from tests.reading import PATIENCE_S
from tests.serving import frames, last_id, script, whole_frames, words

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server(tmp_path):
    """A server with little patience, whose heart beats too seldom to find anybody gone."""
    async with inside(tmp_path, send_timeout_s=0.2, heartbeat_s=60) as server:
        yield server


async def until(is_so):
    """Return once `is_so()`."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.005)


def left(server, how):
    """How many readers have left so."""
    text = server.house.counters.registry.get_sample_value
    return text("leadstream_followers_left_total", {"outcome": how}) or 0


async def asked(server, stream_id):
    """A reader with room for little, who has asked and takes nothing yet."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # small ones, small buffers
    reader.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(reader, ("127.0.0.1", server.port))
    request = f"GET /api/stream/{stream_id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    await loop.sock_sendall(reader, request.encode())
    return reader


def body_of(answer):
    """The body of a chunked answer that may be cut anywhere."""
    _, _, rest = answer.partition(b"\r\n\r\n")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


async def test_a_reader_that_takes_nothing_is_dropped_quietly_and_goes_on_where_it_was(
    server, caplog
):
    log = server.house.journal.open("st_long")
    for _ in range(100):
        log.append({"type": "token", "content": 20_000 * "x"})
        await log.settled()
    log.append({"type": "complete", "metadata": {}, "result": None})
    await log.settled()
    whole = frames(await server.read("st_long"))

    caplog.set_level(logging.INFO)
    reader = await asked(server, "st_long")
    await until(lambda: left(server, "dropped") == 1)
    assert not server.house.followers
    answer = b""
    with reader:
        while part := await asyncio.get_running_loop().sock_recv(reader, 65536):
            answer += part
    seen = body_of(answer)
    assert len(seen) < len(whole)
    rest = await server.read("st_long", last_event_id=last_id(seen) or "0")
    assert whole_frames(seen) + frames(rest) == whole
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_reader_that_waits_for_a_slow_model_is_not_one_that_takes_nothing(server):
    stream_id = (await server.start(script(words(2), pace_ms=500)))["stream_id"]
    body = await server.read(stream_id)
    assert re.findall(rb'"type":"(\w+)"', body)[-1] == b"complete"
    assert left(server, "finished") == 1


async def test_a_reader_that_hangs_up_is_gone_at_once_however_quiet_its_stream(server):
    stream_id = (await server.start(script(words(2), pace_ms=30_000)))["stream_id"]
    reader = await asked(server, stream_id)
    await until(lambda: server.house.followers)
    reader.close()
    await until(lambda: left(server, "dropped") == 1)
    assert not server.house.followers
