"""All of it on the loop of the tests and on the server's, and where it says so over TLS."""

import ssl

import pytest

from tests.upstream import addresses


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request, tmp_path):
    """What a server speaks, if it does."""
    if not request.param:
        return None
    (tmp_path / "pem").write_text(addresses._KEY + addresses.CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context
