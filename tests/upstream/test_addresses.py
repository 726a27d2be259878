"""Each address fails in the one way that it promises."""

import socket
import ssl

import httpx
import pytest

from tests.upstream.addresses import CERTIFICATE, NO_SUCH_HOST, black_hole, nobody, untrusted


def place(url):
    return httpx.URL(url).host, httpx.URL(url).port


def test_nobody_refuses():
    with nobody() as url, pytest.raises(ConnectionRefusedError):
        socket.create_connection(place(url))


def test_a_black_hole_neither_answers_nor_refuses():
    with black_hole() as url, pytest.raises(TimeoutError):
        socket.create_connection(place(url), timeout=0.05)


def test_no_dns_has_that_name():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(httpx.URL(NO_SUCH_HOST).host, 80)


def test_a_client_that_verifies_goes_no_further():
    with untrusted() as url, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.post(url, trust_env=False)


def test_the_certificate_is_expired_even_for_who_trusts_its_signer():
    context = ssl.create_default_context(cadata=CERTIFICATE)
    with (
        untrusted() as url,
        socket.create_connection(place(url)) as sock,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"),
    ):
        context.wrap_socket(sock, server_hostname="localhost")
