"""Fake vendors on a real socket, and each provider at its own of them."""

import pytest

from providers import load_providers
from settings import Settings
from tests.upstream.vendors import FakeVendors

VENDORS = ("claude", "cerebras", "deepseek", "ollama")


@pytest.fixture
def vendors():
    with FakeVendors() as vendors:
        yield vendors


@pytest.fixture(params=VENDORS)
def vendor(request):
    return request.param


@pytest.fixture
async def provider(vendors, vendor):
    async with load_providers()[vendor](Settings(**vendors.env())) as provider:
        yield provider
