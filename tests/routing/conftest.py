import pytest

from tests.routing.virtual_time import VirtualLoop


@pytest.fixture(scope="session")
def anyio_backend():
    """Time is virtual here: a test that waits for a minute takes none."""
    return "asyncio", {"loop_factory": VirtualLoop}
