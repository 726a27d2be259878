"""By whichever road one leaves an answer, the vendor's socket closes; and the pool survives it."""

import asyncio
import contextlib
import random

import anyio
import pytest

import errors
from providers.cerebras import Cerebras
from settings import Settings
from tests.providers.answers import answered, asking
from tests.upstream.faults import HoldAfter, HoldBeforeHead

pytestmark = pytest.mark.anyio

LONG = ["word "] * 200


async def left(vendors):
    """The vendor saw the client leave, and has no connection more: nothing went back to a pool."""
    await vendors.until(lambda: vendors.attempts[-1].client_left)
    await vendors.until(lambda: not vendors.connections)


async def test_leaving_after_some_words_closes_the_socket(vendors, vendor, provider):
    vendors.says(vendor, LONG, pace_s=0.002)
    await answered(provider, leave_after=len("word word "))
    await left(vendors)


async def test_an_exception_of_the_reader_passes_and_closes_the_socket(vendors, vendor, provider):
    vendors.says(vendor, LONG, pace_s=0.002)

    async def stumbling():
        async with provider.answer(asking(provider)) as chunks:
            await anext(chunks)
            raise KeyError("the reader's own")

    with pytest.raises(KeyError):
        await stumbling()
    await left(vendors)


async def test_closing_the_chunks_alone_is_enough_to_stop_reading(vendors, vendor, provider):
    vendors.fails(vendor, HoldAfter(2))
    async with provider.answer(asking(provider)) as chunks:
        await anext(chunks)
        await chunks.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)
    await left(vendors)


async def test_a_cancelled_scope_that_cancels_again_and_again_closes_the_socket(
    vendors, vendor, provider
):
    vendors.fails(vendor, HoldAfter(2))
    with anyio.CancelScope() as scope:
        async with provider.answer(asking(provider)) as chunks:
            await anext(chunks)
            scope.cancel()
            async for _ in chunks:
                pass
    assert scope.cancelled_caught
    await left(vendors)


async def test_cancelling_before_the_headers_closes_the_socket(vendors, vendor, provider):
    vendors.fails(vendor, HoldBeforeHead())
    task = asyncio.create_task(answered(provider))
    await vendors.until(lambda: vendors.attempts[0].holding)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(vendors)


async def test_a_timer_around_the_answer_closes_the_socket(vendors, vendor, provider):
    vendors.fails(vendor, HoldAfter(2))

    async def impatient():
        async with asyncio.timeout(None) as timer, provider.answer(asking(provider)) as chunks:
            await anext(chunks)
            timer.reschedule(asyncio.get_running_loop().time())
            async for _ in chunks:
                pass

    with pytest.raises(TimeoutError):
        await impatient()
    await left(vendors)


@contextlib.asynccontextmanager
async def never_ending(media_type, body=b""):
    """A provider at a server that sends this and keeps the connection; and when that is left."""
    left = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n\r\n%b" % (media_type, body))
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        left.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = Settings(cerebras_base_url=url, cerebras_api_key="key")
    async with server, Cerebras(settings) as provider, asyncio.timeout(5):
        yield provider, left


async def test_finish_does_not_wait_for_the_end_of_the_body():
    """The end marker has come and the connection stays open: the answer is whole all the same."""
    marked = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    async with never_ending(b"text/event-stream", marked + b"data: [DONE]\n\n") as (provider, left):
        got = await answered(provider)
        assert (got.text, got.finish) == ("Hi", "stop")
        await left.wait()


async def test_a_body_of_a_wrong_type_is_left_unread():
    async with never_ending(b"text/html") as (provider, left):
        assert type((await answered(provider)).fault) is errors.ProtocolError
        await left.wait()


async def test_the_pool_holds_more_than_a_hundred_answers_at_once(vendors, vendor, provider):
    """Which is what some pools are limited to by default: the next would wait for ever."""
    vendors.breaks(vendor, HoldAfter(1))
    answers = [asyncio.create_task(answered(provider)) for _ in range(120)]
    await vendors.until(lambda: vendors.open_sockets == 120, timeout_s=20)
    vendors.release()
    assert [got.finish for got in await asyncio.gather(*answers)] == ["stop"] * 120


async def test_a_whole_answer_leaves_its_connection_to_the_next(vendors, vendor, provider):
    for _ in range(3):
        assert (await answered(provider)).finish == "stop"
    assert {attempt.connection for attempt in vendors.attempts} == {1}


async def test_five_hundred_cancelled_answers_leave_a_pool_that_works(vendors, vendor, provider):
    vendors.says(vendor, LONG, pace_s=0.001)
    chance = random.Random(5)

    async def cancelled_soon():
        with contextlib.suppress(TimeoutError, errors.Fault):
            async with asyncio.timeout(chance.uniform(0, 0.02)):
                await answered(provider)

    for _ in range(50):
        await asyncio.gather(*(cancelled_soon() for _ in range(10)))
    assert vendors.attempts
    vendors.says(vendor, ["well"])
    answers = await asyncio.gather(*(answered(provider) for _ in range(20)))
    assert [got.text for got in answers] == ["well"] * 20
    await vendors.until(lambda: not vendors.open_sockets)
