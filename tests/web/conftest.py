"""A browser for all tests, a server with fake vendors, and a wire between that can be cut."""

import pytest

from tests.browser import browser
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import NO_BREAKER, serve_vendors
from tests.web.desk import Desk
from tests.web.tcp_proxy import TcpProxy

NETWORK = "Failed to load resource"
"""How Chromium reports a request that was refused or cut: no fault of the page."""


@pytest.fixture(scope="session")
def chromium():
    with browser() as one:
        yield one


@pytest.fixture(scope="session")
def vendors():
    with FakeVendors() as vendors:
        yield vendors


@pytest.fixture(scope="session")
def house(vendors, tmp_path_factory):
    """A server with the demonstration's leads and one vendor, Claude."""
    folder = tmp_path_factory.mktemp("house")
    with serve_vendors(
        folder, vendors.env(), providers="claude", breaker_threshold=NO_BREAKER
    ) as server:
        assert server.http.post("/api/leads/demo").status_code == 201
        yield server


@pytest.fixture
def wire(house):
    with TcpProxy(house.port) as wire:
        yield wire


@pytest.fixture
def at(chromium):
    """`at(url)` is a Desk there; what its page's console says against it fails the test."""
    desks = []

    def sit(url):
        desks.append(Desk(chromium, url))
        return desks[-1]

    yield sit
    complaints = [said for desk in desks for said in desk.complaints()]
    chromium.open("about:blank")
    assert complaints == []


@pytest.fixture
def desk(at, house):
    """The console, with the lead that has most to say in front."""
    return at(house.url).open("#/leads/demo_01")
