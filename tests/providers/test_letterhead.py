"""The head of a request: the SDK's own, written once, above every body."""

import asyncio
import functools
import threading
from unittest import mock

import httpx2
import pytest

import errors
from providers.cerebras import Cerebras
from providers.claude import Claude
from providers.letterhead import Letterhead
from providers.upstream import opened
from settings import Settings
from tests.providers.answers import answered
from tests.reading import PATIENCE_S
from tests.transport.vendor import vendor as listening
from tests.transport.vendor import whole

pytestmark = pytest.mark.anyio

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Who?"}]}
PROVIDERS = {"claude": Claude, "openai_chat": Cerebras}
OF_THE_BODY = {"content-length", "accept-encoding"}


def by_anthropics_sdk(url, key):
    from anthropic import Anthropic

    # Its time-outs are told to the vendor, and ours are kept elsewhere.
    with Anthropic(base_url=url, api_key=key, max_retries=0, timeout=None) as sdk:
        list(sdk.messages.create(**ASK, stream=True))


def by_openais_sdk(url, key):
    from openai import OpenAI

    with OpenAI(base_url=url, api_key=key, max_retries=0, timeout=None) as sdk:
        list(sdk.chat.completions.create(**ASK, stream=True))


@pytest.mark.parametrize(
    ("vendor", "by_the_sdk"),
    [
        ("claude", by_anthropics_sdk),
        ("cerebras", by_openais_sdk),
        ("deepseek", by_openais_sdk),
    ],
)
async def test_what_a_vendor_is_told_above_the_body_is_what_its_sdk_tells(
    vendors, provider, vendor, by_the_sdk
):
    ask = functools.partial(by_the_sdk, vendors.base_url(vendor), f"fake-{vendor}-key")
    await asyncio.to_thread(ask)
    assert (await answered(provider)).finish == "stop"
    sdks, ours = vendors.attempts
    assert ours.path == sdks.path
    assert told(ours) == told(sdks)


def told(attempt):
    return {k: v for k, v in attempt.headers.items() if k not in OF_THE_BODY}


@pytest.mark.parametrize("module", ["claude", "openai_chat"])
async def test_a_provider_opens_before_its_sdk_has_written_a_head_and_whoever_asks_waits(
    module, monkeypatch
):
    imported, writers = threading.Event(), []

    def write(url):
        writers.append(threading.current_thread())
        return httpx2.Request("POST", url)

    def build(*given):
        assert imported.wait(PATIENCE_S), "somebody waits for the SDK"
        return Letterhead(write, "http://localhost", mock.Mock())

    monkeypatch.setattr(f"providers.{module}._build", build)
    provider = PROVIDERS[module](Settings())
    await provider.open()
    asking = asyncio.create_task(provider.loaded())
    await asyncio.sleep(0)
    assert not asking.done()
    imported.set()
    await asyncio.wait_for(asking, PATIENCE_S)
    assert len(writers) == 1
    assert writers[0] is not threading.current_thread()


async def test_the_head_is_written_once_for_all_bodies():
    written = []

    def write(url):
        written.append(url)
        return httpx2.Request("POST", url, headers={"x-key": "k"})

    async with listening(whole(), whole(), whole()) as there:
        letterhead = Letterhead(write, f"{there.url}/path", there.transport)
        for number in range(3):
            async with opened("it", functools.partial(letterhead.send, {"number": number})):
                pass
    assert written == [f"{there.url}/path"]


async def test_what_cannot_be_written_is_told_each_time_and_tried_again():
    keys = ["ключ", "ключ", "key"]

    def write(url):
        return httpx2.Request("POST", url, headers={"x-key": keys.pop(0).encode("ascii")})

    async with listening(whole()) as there:
        letterhead = Letterhead(write, there.url, there.transport)
        for _ in range(2):
            with pytest.raises(errors.Unauthorized):
                async with opened("it", functools.partial(letterhead.send, {})):
                    pass
        async with opened("it", functools.partial(letterhead.send, {})) as response:
            assert response.status_code == 200
    assert there.asked == [1]


async def test_the_same_head_goes_to_another_address():
    def write(url):
        return httpx2.Request("POST", url, headers={"x-key": "k"})

    async with listening(whole()) as one, listening(whole()) as other:
        letterhead = Letterhead(write, one.url, one.transport)
        async with opened("it", functools.partial(letterhead.at(other.url).send, {})):
            pass
    assert (one.asked, other.asked) == ([], [1])
