"""Connections to vendors: made, kept, used again, given up."""

import asyncio
import gc
import socket
import ssl
import weakref

import httpx2
import pytest
from anyio.lowlevel import checkpoint

from providers.transport import Transport
from tests.transport.vendor import (
    CHUNK,
    FRAMED,
    OK,
    after,
    hang_up,
    read,
    silence,
    until,
    vendor,
    whole,
)
from tests.upstream.addresses import NO_SUCH_HOST, black_hole, nobody, untrusted

pytestmark = pytest.mark.anyio


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


async def test_cancelling_the_wait_for_an_answer_closes_its_connection(tls):
    async with vendor(silence, whole(), tls=tls) as there:
        waiting = asyncio.create_task(there.body())
        await until(lambda: there.asked)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
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
    transport = Transport(httpx2.create_ssl_context(trust_env=False), connect_s=0.2, keep_s=30)
    client = httpx2.AsyncClient(transport=transport)
    with address() as url:
        async with asyncio.timeout(20), client:
            with pytest.raises(error) as caught:
                await client.get(url)
    assert isinstance(caught.value.__cause__, cause)


async def test_a_vendor_that_does_not_shake_hands_is_given_up():
    async with vendor(connect_s=0.2) as there:
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
