"""Base URLs at which no vendor can be talked to: what fails before a request is sent.

with nobody() as url:        # connection refused
with black_hole() as url:    # no answer to the handshake: only a connect timer ends it
with untrusted() as url:     # https, with a certificate that is expired and signed by itself
NO_SUCH_HOST                 # a name that no DNS has (RFC 2606)
"""

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator

NO_SUCH_HOST = "http://vendor.invalid"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """The port is taken and nobody listens, so that nobody else can either."""
    with _bound() as taken:
        yield _url("http", taken)


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A listener whose queue of one is full: Linux drops every further SYN."""
    with _bound() as full, socket.socket() as waiting:
        full.listen(0)
        waiting.connect(full.getsockname())
        yield _url("http", full)


@contextlib.contextmanager
def untrusted() -> Iterator[str]:
    """A TLS server that gets no further than the handshake with a client that verifies."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(_KEY + CERTIFICATE)
        pem.flush()
        context.load_cert_chain(pem.name)
    with _bound() as listener:
        listener.listen()
        thread = threading.Thread(target=_shake_hands, args=(listener, context), daemon=True)
        thread.start()
        try:
            yield _url("https", listener)
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread; closing would not
            thread.join(timeout=5)


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):  # the listener was shut down
        while True:
            client, _ = listener.accept()
            client.settimeout(1)
            with client, contextlib.suppress(OSError):
                context.wrap_socket(client, server_side=True).close()


def _bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def _url(scheme: str, sock: socket.socket) -> str:
    return f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"


# For localhost, valid in the year 2020, signed by itself. Its key guards nothing.
_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgO3r9UfCgFdDpzPIY
nLedCPr3szjxQvZlvNWBSKVspRChRANCAAS7RfUbybtzCFDOANWbpa05OMDMXWCS
YLqSkuHzh0KvOZD/HiZRMoDwQBIuNUWmCLvjirUyOwWFwQibN1Oarwyv
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBUjCB+qADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9z
dDAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxv
Y2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLtF9RvJu3MIUM4A1Zul
rTk4wMxdYJJgupKS4fOHQq85kP8eJlEygPBAEi41RaYIu+OKtTI7BYXBCJs3U5qv
DK+jPTA7MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4EFgQUM7Dw
5Nn6Wn8muOqgBcj5COxrUjgwCgYIKoZIzj0EAwIDRwAwRAIgZhnfVGyTBJ8NpocT
sAWEk6j47u5QpTdMkAH/ofvd00MCIBFV7S25hGqdyITC5xe5yGTsKN8e8/a18fRO
qw1ieSkF
-----END CERTIFICATE-----
"""
