"""`stream_completion`: Claude in one line, as the README shows it."""

from decimal import Decimal

import pytest

import errors
from providers.claude import stream_completion
from settings import Settings
from tests.upstream.faults import CutAfter

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(vendors):
    return Settings(**vendors.env())


async def test_it_gives_tokens_and_then_what_they_cost(vendors, settings):
    vendors.says("claude", ["Hello", " Ada"], input_tokens=100, output_tokens=50)
    chunks = [chunk async for chunk in stream_completion("Hi", settings=settings)]
    assert [c["content"] for c in chunks[:-1]] == ["Hello", " Ada"]
    assert {c["type"] for c in chunks[:-1]} == {"token"}
    metadata = chunks[-1]["metadata"]
    assert chunks[-1]["type"] == "complete"
    assert (metadata["input_tokens"], metadata["output_tokens"]) == (100, 50)
    assert metadata["finish_reason"] == "stop"
    assert 0 <= metadata["ttft_ms"] <= metadata["latency_ms"]
    assert isinstance(metadata["total_cost_usd"], Decimal)
    assert metadata["total_cost_usd"] > 0


async def test_a_known_price_is_multiplied_exactly(vendors, settings):
    """The seed's example: three dollars a million in, fifteen out."""
    vendors.says("claude", ["Hi"], input_tokens=81, output_tokens=100)
    stream = stream_completion("Hi", model="claude-sonnet-4-6", settings=settings)
    chunks = [chunk async for chunk in stream]
    assert chunks[-1]["metadata"]["total_cost_usd"] == Decimal("0.001743")


async def test_an_unknown_price_is_none_and_not_zero(vendors, settings):
    stream = stream_completion("Hi", model="claude-of-next-year", settings=settings)
    chunks = [chunk async for chunk in stream]
    assert chunks[-1]["metadata"]["total_cost_usd"] is None


async def test_a_cut_stream_is_never_complete(vendors, settings):
    vendors.fails("claude", CutAfter(2))
    types = []

    async def read():
        async for chunk in stream_completion("Hi", settings=settings):
            types.append(chunk["type"])

    with pytest.raises(errors.Truncated):
        await read()
    assert types == ["token", "token"]
