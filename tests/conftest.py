"""What all tests share: the event loop they run on, and a server for each file that wants one."""

import contextlib
import os
import subprocess

import pytest
from hypothesis import settings

from tests.needs import needs
from tests.serving import serve
from tests.streams import parsers

settings.register_profile("leadstream", deadline=None)
settings.load_profile("leadstream")


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One Leadstream for all tests of a file: start streams on it, and do not stop it."""
    with serve(tmp_path_factory.mktemp("leadstream")) as server:
        yield server


@pytest.fixture(scope="session")
def eventsource_parser(request, tmp_path_factory):
    """The parser under many JavaScript clients; the package stays in pytest's cache."""
    needs("node")
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("node") if cache else tmp_path_factory.mktemp("node")
    try:
        parsers.install(folder)
    except (OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"npm cannot install {parsers.NPM_PACKAGE}: {error}")
    with contextlib.closing(parsers.EventsourceParser(folder)) as parse:
        yield parse


@pytest.fixture(scope="module", params=["httpx_sse", "openai", "eventsource_parser"])
def parse(request):
    """A stranger's parser: a body in pieces in, `[(id, data)]` out."""
    if request.param == "eventsource_parser":
        return request.getfixturevalue("eventsource_parser")
    return getattr(parsers, request.param)
