"""Every fault of the catalogue, through the real SDKs: which Fault, which words, which counts.

After each of them no request is open at the vendor: what failed was given up, not forgotten.
"""

import asyncio

import pytest

import errors
from providers import load_providers
from providers.base import Usage
from settings import Settings
from tests.providers.answers import answered, asking
from tests.providers.conftest import VENDORS
from tests.upstream.addresses import NO_SUCH_HOST, black_hole, nobody, untrusted
from tests.upstream.catalogue import EVERY
from tests.upstream.faults import applies

pytestmark = pytest.mark.anyio

WORDS = ("Hel", "lo", " Ada ♥", " you")
WHOLE = "".join(WORDS)
COUNTS = Usage(input_tokens=31, output_tokens=110)

BEFORE_THE_FIRST_WORD = {
    "400": errors.Rejected,
    "401": errors.Unauthorized,
    "402": errors.OutOfCredit,
    "403": errors.Unauthorized,
    "404": errors.ModelNotFound,
    "408": errors.UpstreamError,
    "409": errors.UpstreamError,
    "413": errors.PromptTooLarge,
    "422": errors.Rejected,
    "429": errors.Throttled,
    "500": errors.UpstreamError,
    "502": errors.UpstreamError,
    "503": errors.UpstreamError,
    "504": errors.UpstreamError,
    "529": errors.UpstreamError,
    "401 in plain text": errors.Unauthorized,
    "502 of a proxy": errors.UpstreamError,
    "no such model": errors.ModelNotFound,
    "not paid": errors.OutOfCredit,
    "prompt too long": errors.PromptTooLarge,
    "spend limit": errors.OutOfCredit,
    "429 with a short wait": errors.Throttled,
    "429 with a long wait": errors.Throttled,
    "429 with a date": errors.Throttled,
    "500 not to be tried again": errors.UpstreamError,
    "redirect": errors.ProtocolError,
    "login page": errors.ProtocolError,
    "error in a 200": errors.UpstreamError,
    "reset at once": errors.Reset,
    "empty body": errors.EmptyAnswer,
    "no words": errors.EmptyAnswer,
}
AFTER_TWO_WORDS = {
    "reset": errors.Reset,
    "reset inside a character": errors.Reset,
    "cut without the last chunk": errors.Truncated,
    "cut inside a character": errors.Truncated,
    "clean end without an end marker": errors.Truncated,
    "clean end inside a character": errors.Truncated,
    "overloaded error event": errors.UpstreamError,
    "server error event": errors.UpstreamError,
    "truncated JSON": errors.ProtocolError,
    "invalid UTF-8": errors.ProtocolError,
    "20 MB event": errors.TooLarge,
    "gzip bomb": errors.TooLarge,
    "tool call cut open": errors.Truncated,
    "wrong index": errors.ProtocolError,
}
HARMLESS = {
    "byte by byte": WHOLE,
    "surrogate pair split": "Hello🙂 Ada ♥ you",
    "lone surrogate": "Hello\ufffd Ada ♥ you",
    "no usage": WHOLE,
    "usage twice": WHOLE,
    "words after the end": WHOLE,
    "gzip": WHOLE,
    "unknown events": WHOLE,
    "thinking first": WHOLE,
    "pings first": WHOLE,
}
ENDINGS = {"length": "length", "context full": "length", "refusal": "refusal"}
AFTER_ALL_WORDS = {"out of capacity": errors.UpstreamError}
ENDLESS = {
    "hang before the head",
    "hang after the head",
    "hang",
    "only pings",
    "endless",
}
OTHERWISE = {
    # A day's quota ends by itself: the key is good, and no gate may stay closed for it.
    ("cerebras", "spend limit"): errors.Throttled,
    # Their word for being full, which is a 429 where there is a status.
    ("cerebras", "overloaded error event"): errors.Throttled,
}


def test_the_tables_say_something_of_every_fault_in_the_catalogue():
    known = [BEFORE_THE_FIRST_WORD, AFTER_TWO_WORDS, HARMLESS, ENDINGS, AFTER_ALL_WORDS, ENDLESS]
    assert set().union(*known) == set(EVERY)


def shown(names):
    """Each of these faults at each vendor that has a form for it."""
    cases = [(v, name) for v in VENDORS for name in names if applies(EVERY[name], v)]
    return pytest.mark.parametrize(("vendor", "name"), cases)


@pytest.fixture
def shows(vendors, vendor):
    """Order the next answer's fault by its name."""

    def order(name):
        vendors.says(vendor, WORDS)
        vendors.fails(vendor, EVERY[name])

    return order


async def all_given_up(vendors):
    await vendors.until(lambda: not vendors.open_sockets)


@shown(BEFORE_THE_FIRST_WORD)
async def test_a_fault_before_the_first_word_has_its_class(vendors, vendor, provider, shows, name):
    shows(name)
    got = await answered(provider)
    assert type(got.fault) is OTHERWISE.get((vendor, name), BEFORE_THE_FIRST_WORD[name])
    assert (got.text, got.finish) == ("", None)
    assert len(vendors.attempts_at(vendor)) == 1
    await all_given_up(vendors)


@shown(AFTER_TWO_WORDS)
async def test_a_fault_in_the_middle_keeps_the_words_and_counts_so_far(
    vendors, vendor, provider, shows, name
):
    shows(name)
    got = await answered(provider)
    assert type(got.fault) is OTHERWISE.get((vendor, name), AFTER_TWO_WORDS[name])
    assert (got.text, got.finish) == ("Hello", None)
    # Only Claude reports the input before it answers.
    assert got.usage == (Usage(input_tokens=31, output_tokens=1) if vendor == "claude" else None)
    assert len(vendors.attempts_at(vendor)) == 1
    await all_given_up(vendors)


@shown(HARMLESS)
async def test_what_is_only_odd_loses_no_word(vendors, vendor, provider, shows, name):
    shows(name)
    got = await answered(provider)
    assert got.fault is None
    assert (got.text, got.finish) == (HARMLESS[name], "stop")
    assert got.usage == (None if name == "no usage" else COUNTS)
    assert got.thoughts == ("Let me think." if name == "thinking first" else "")
    await all_given_up(vendors)


@shown(ENDINGS)
async def test_an_answer_that_ends_early_says_why(provider, shows, name):
    shows(name)
    got = await answered(provider)
    assert (got.text, got.finish, got.usage) == (WHOLE, ENDINGS[name], COUNTS)


@shown(AFTER_ALL_WORDS)
async def test_a_vendor_without_capacity_has_failed_though_it_finished(provider, shows, name):
    shows(name)
    got = await answered(provider)
    assert type(got.fault) is AFTER_ALL_WORDS[name]
    assert (got.text, got.finish) == (WHOLE, None)


@shown(ENDLESS)
async def test_what_would_never_end_is_given_up_when_it_is_cancelled(
    vendors, vendor, provider, shows, name
):
    shows(name)
    waiting = asyncio.create_task(answered(provider))
    await vendors.until(lambda: vendors.attempts[0].holding or vendors.attempts[0].bytes_sent > 99)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await all_given_up(vendors)
    assert vendors.attempts[0].client_left


async def test_a_wait_that_a_vendor_asks_for_is_told(vendors, vendor, provider, shows):
    shows("429 with a long wait")
    assert (await answered(provider)).fault.retry_after_s == 300


async def test_a_vendor_may_forbid_another_try(provider, shows):
    shows("500 not to be tried again")
    assert (await answered(provider)).fault.retryable is False


async def test_a_redirect_is_not_followed(vendors, vendor, provider, shows):
    shows("redirect")
    await answered(provider)
    assert len(vendors.attempts) == 1


def at(vendor, url, **others):
    """That vendor at another address, with a key."""
    prefix = {"claude": "ANTHROPIC"}.get(vendor, vendor.upper())
    return load_providers()[vendor](
        Settings(**{f"{prefix}_BASE_URL": url, f"{prefix}_API_KEY": "key"}, **others)
    )


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (nobody, errors.Unreachable),
        (black_hole, errors.Unreachable),
        (untrusted, errors.TlsFailure),
    ],
)
async def test_a_vendor_that_cannot_be_reached(vendor, address, kind):
    with address() as url:
        async with at(vendor, url, connect_timeout_s=0.2) as provider:
            got = await answered(provider)
    assert type(got.fault) is kind
    assert url not in got.fault.detail


async def test_a_host_that_does_not_exist(vendor):
    async with at(vendor, NO_SUCH_HOST) as provider:
        assert type((await answered(provider)).fault) is errors.Unreachable


async def test_a_look_up_that_hangs_is_ended_by_the_connect_timer(vendor, monkeypatch):
    async def never(*args, **kwargs):
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    async with at(vendor, NO_SUCH_HOST, connect_timeout_s=0.1) as provider:
        async with asyncio.timeout(5):
            assert type((await answered(provider)).fault) is errors.Unreachable


async def test_an_error_body_without_an_end_is_not_read_to_it(vendors, vendor, provider):
    """A bounded part of it: the SDKs would hold all of it in memory first."""

    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 No\r\ncontent-type: text/plain\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except OSError:
            writer.transport.abort()

    server = await asyncio.start_server(endless, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, at(vendor, url) as provider, asyncio.timeout(5):
        assert type((await answered(provider)).fault) is errors.UpstreamError


async def test_a_provider_is_well_again_after_every_fault(vendors, vendor, provider):
    vendors.says(vendor, WORDS)
    for name in [*BEFORE_THE_FIRST_WORD, *AFTER_TWO_WORDS]:
        if applies(EVERY[name], vendor):
            vendors.fails(vendor, EVERY[name])
            assert (await answered(provider)).fault
    got = await answered(provider, asking(provider))
    assert (got.text, got.finish) == (WHOLE, "stop")
