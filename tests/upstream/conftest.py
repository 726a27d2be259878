"""What the tests of the fakes share."""

import pytest

from tests.upstream.vendors import FakeVendors


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def vendors():
    with FakeVendors() as running:
        yield running
