"""What stands on the transport: a vendor's answer as a whole, and one that is asked but once."""

import functools

import httpx2
import pytest

import errors
from providers.chat_reader import ChatReader
from providers.exchange import exchange
from providers.letterhead import Letterhead
from providers.upstream import chunks_of
from settings import Settings
from tests.transport.vendor import vendor, whole

pytestmark = pytest.mark.anyio

STREAM = b"content-type: text/event-stream\r\n"
SAID = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.mark.parametrize(
    ("status", "fault"),
    [(b"503 Busy", errors.UpstreamError), (b"201 Created", errors.ProtocolError)],
)
async def test_any_other_status_is_a_fault_though_its_body_were_an_answer(status, fault):
    async with vendor(whole(SAID, b"HTTP/1.1 " + status + b"\r\n" + STREAM)) as there:
        letterhead = Letterhead(
            functools.partial(httpx2.Request, "POST"), there.url, there.transport
        )
        send = functools.partial(letterhead.send, {})
        with pytest.raises(fault):
            async with chunks_of("it", send, "text/event-stream", ChatReader("it")) as chunks:
                [chunk async for chunk in chunks]


async def test_whoever_knows_of_companies_is_asked_on_a_new_connection_each_time():
    async with vendor(whole(b"{}"), whole(b"{}")) as there, exchange("it", Settings()) as ask:
        for _ in range(2):
            assert (await ask("GET", there.url)).said == {}
    assert there.asked == [1, 2]
