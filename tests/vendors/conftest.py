"""Fake vendors, and two servers that ask them: one for all tests is enough, and starting is slow.

No breaker of theirs opens; a fault that closes a gate needs a server of its own.
"""

import pytest

from tests.upstream.vendors import FakeVendors
from tests.vendors.running import NO_BREAKER, VENDORS, WORDS, serve_vendors

IMPATIENT = {"first_token_timeout_s": 1, "idle_timeout_s": 1, "total_timeout_s": 10}
"""Soon, and yet longer than a busy machine keeps a vendor that is well from its next word."""


@pytest.fixture(scope="session")
def vendors():
    with FakeVendors() as vendors:
        yield vendors


@pytest.fixture(autouse=True)
def well_and_given_up(vendors):
    """Before each test all vendors are well, and after it no request is open at any of them."""
    for vendor in VENDORS:
        vendors.says(vendor, WORDS)
    yield
    vendors.wait_for(lambda: not vendors.open_sockets)


@pytest.fixture(scope="session")
def server(vendors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vendors")
    with serve_vendors(folder, vendors.env(), breaker_threshold=NO_BREAKER) as server:
        yield server


@pytest.fixture(scope="session")
def impatient(vendors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("impatient")
    settings = {"breaker_threshold": NO_BREAKER} | IMPATIENT
    with serve_vendors(folder, vendors.env(), **settings) as server:
        yield server
