"""Every exception of every client library is one of our Faults, and repeats nothing of a vendor."""

import asyncio
import importlib
import json
import logging
import pkgutil
import re
import socket
import ssl
import sys
import traceback

import anthropic
import httpcore2
import httpx
import httpx2
import msgspec
import openai
import pytest

import errors
from providers.faults import Report, fault_of, reported
from providers.sentences import names_of

LIBRARIES = ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2")
SECRET = "sk-live-0123456789"


def below(base):
    for kind in base.__subclasses__():
        yield kind
        yield from below(kind)


def their_exceptions():
    """Found by looking, so that a newer version's are here without anybody's help."""
    for library in LIBRARIES:
        for module in pkgutil.iter_modules(importlib.import_module(library).__path__):
            if "exceptions" in module.name or "errors" in module.name:
                importlib.import_module(f"{library}.{module.name}")
    found = {k for k in below(Exception) if k.__module__.partition(".")[0] in LIBRARIES}
    return sorted(found - set(below(Warning)), key=lambda k: (k.__module__, k.__qualname__))


EVERY = their_exceptions()
PUBLIC = [
    k for k in EVERY if getattr(sys.modules[k.__module__.partition(".")[0]], k.__name__, 0) is k
]
NOT_FOR_ANSWERS = re.compile("WebSocket|^WS|Webhook")


def name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def test_all_libraries_exceptions_were_found():
    found = {k.__module__.partition(".")[0] for k in EVERY}
    assert found == set(LIBRARIES)
    assert {openai.APIError, anthropic.OverloadedError} <= set(PUBLIC)


@pytest.mark.parametrize("kind", EVERY, ids=name)
def test_every_exception_of_the_libraries_is_a_fault(kind):
    assert isinstance(fault_of(kind.__new__(kind), provider="claude"), errors.Fault)


@pytest.mark.parametrize("kind", PUBLIC, ids=name)
def test_every_exception_that_a_library_shows_has_a_place_among_the_faults(kind, caplog):
    if NOT_FOR_ANSWERS.search(kind.__name__):
        return
    fault_of(kind.__new__(kind), provider="claude")
    assert not caplog.records  # which is where one without a place would be told


def test_an_exception_of_a_newer_version_is_placed_by_its_bases():
    class Newer(httpx2.ConnectError):
        __module__ = "httpx2._newer"

    assert isinstance(fault_of(Newer("new"), provider="claude"), errors.Unreachable)


def caused(error, *causes):
    """`error` as a library raises it: from the next cause, that from the next, and so on."""
    link = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


REQUEST = httpx2.Request("POST", "https://vendor.test")
TIMED_OUT = openai.APITimeoutError
LOST = anthropic.APIConnectionError
UNTRUSTED = ssl.SSLCertVerificationError("expired")
HALF = "peer closed connection without sending complete message body"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(111, "refused"), errors.Unreachable),
        (socket.gaierror(-2, "Name or service not known"), errors.Unreachable),
        (OSError(101, "Network is unreachable"), errors.Unreachable),
        (ConnectionResetError(104, "reset"), errors.Reset),
        (BrokenPipeError(32, "pipe"), errors.Reset),
        (ssl.SSLCertVerificationError("expired"), errors.TlsFailure),
        (ssl.SSLEOFError("EOF"), errors.Reset),
        (TimeoutError(), errors.FirstTokenTimeout),
        (json.JSONDecodeError("x", "y", 0), errors.ProtocolError),
        (msgspec.ValidationError("x"), errors.ProtocolError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), errors.ProtocolError),
        (UnicodeEncodeError("ascii", "ключ", 0, 1, "x"), errors.Unauthorized),
        (RecursionError(), errors.ProtocolError),
        (ExceptionGroup("g", [ValueError(), ConnectionResetError()]), errors.Reset),
        (BaseExceptionGroup("g", [asyncio.CancelledError(), TimeoutError()]), None),
        (httpx2.ReadError(""), errors.Reset),
        (caused(httpx2.ConnectError(""), httpcore2.ConnectError(UNTRUSTED)), errors.TlsFailure),
        (httpx.RemoteProtocolError(HALF), errors.Truncated),
        (httpx2.RemoteProtocolError("Server disconnected without …"), errors.Reset),
        (httpx2.RemoteProtocolError("illegal status line"), errors.ProtocolError),
        (caused(TIMED_OUT(REQUEST), httpx2.ConnectTimeout(""), TimeoutError()), errors.Unreachable),
        (
            caused(TIMED_OUT(REQUEST), httpx2.ReadTimeout(""), TimeoutError()),
            errors.FirstTokenTimeout,
        ),
        (caused(LOST(request=REQUEST), httpx2.ConnectError(""), UNTRUSTED), errors.TlsFailure),
        (caused(LOST(request=REQUEST), ConnectionRefusedError()), errors.Unreachable),
        (openai.APIConnectionError(request=REQUEST), errors.Unreachable),
        (errors.Throttled("ours"), errors.Throttled),
        (KeyError("a mistake of ours"), errors.UpstreamError),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_the_deepest_cause_that_says_something_decides(error, kind):
    fault = fault_of(error, provider="claude")
    assert type(fault) is (kind or errors.FirstTokenTimeout)


def test_the_failure_before_this_one_is_not_its_cause():
    """One attempt is made while the fault of another is being handled."""
    error = httpx2.ConnectError("the second")
    error.__context__ = errors.Throttled("the first provider")
    assert type(fault_of(error, provider="claude")) is errors.Unreachable


def test_a_mistake_of_ours_is_a_fault_that_is_not_tried_again_and_is_logged(caplog):
    caplog.set_level(logging.ERROR)
    fault = fault_of(KeyError("choices"), provider="claude")
    assert not fault.retryable
    assert "KeyError" in caplog.text


def response(status, body, headers=()):
    return httpx2.Response(status, json=body, headers=dict(headers), request=REQUEST)


def status_error(library, status, body=None, headers=()):
    error = library.APIStatusError
    return error(f"Error {status}", response=response(status, body, headers), body=body)


STATUSES = {
    400: (errors.Rejected, False),
    401: (errors.Unauthorized, False),
    402: (errors.OutOfCredit, False),
    403: (errors.Unauthorized, False),
    404: (errors.ModelNotFound, False),
    408: (errors.UpstreamError, True),
    409: (errors.UpstreamError, True),
    413: (errors.PromptTooLarge, False),
    418: (errors.Rejected, False),
    422: (errors.Rejected, False),
    429: (errors.Throttled, True),
    302: (errors.ProtocolError, False),
    500: (errors.UpstreamError, True),
    529: (errors.UpstreamError, True),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("library", [openai, anthropic], ids=lambda library: library.__name__)
def test_a_status_means_the_same_from_every_library(library, status):
    kind, retryable = STATUSES[status]
    for error in (
        status_error(library, status),
        httpx2.HTTPStatusError("", request=REQUEST, response=response(status, {})),
    ):
        fault = fault_of(error, provider="claude")
        assert (type(fault), fault.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"type": "exceed_context_size_error", "code": 400}}, errors.PromptTooLarge),
        (400, {"error": {"code": "context_length_exceeded"}}, errors.PromptTooLarge),
        (429, {"error": {"code": "insufficient_quota"}}, errors.OutOfCredit),
        (
            429,
            {"error": {"details": {"error_code": "contract_spend_limit_reached"}}},
            errors.OutOfCredit,
        ),
        (None, {"error": {"type": "overloaded_error"}}, errors.UpstreamError),
        (None, {"error": {"type": "rate_limit_error"}}, errors.Throttled),
        (None, {"error": {"type": "authentication_error"}}, errors.Unauthorized),
        (None, {"error": {"type": "invalid_request_error"}}, errors.Rejected),
        (None, {"error": {"type": "of_next_year"}}, errors.UpstreamError),
        (None, {"error": {"code": 503}}, errors.UpstreamError),
        (None, {"error": {"message": "x"}, "status_code": 429}, errors.Throttled),
        (None, {"error": "model 'x' not found"}, errors.ModelNotFound),
        (None, {"message": "x", "type": "server_error", "code": ""}, errors.UpstreamError),
        (None, None, errors.UpstreamError),
    ],
)
def test_an_error_object_says_more_than_its_status(status, body, kind):
    assert type(reported(Report(status, body), provider="cerebras")) is kind


@pytest.mark.parametrize("library", [openai, anthropic], ids=lambda library: library.__name__)
def test_an_error_event_that_a_library_raised_on_a_200_is_read_by_its_object(library):
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    fault = fault_of(status_error(library, 200, body), provider="claude")
    assert type(fault) is errors.UpstreamError
    assert "overloaded_error" in fault.detail


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1.2.3"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after-ms": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers, seconds):
    fault = reported(Report(429, None, headers), provider="claude", now=lambda: NOW)
    assert fault.retry_after_s == seconds


def test_what_a_vendor_asks_not_to_be_tried_again_is_not():
    headers = {"x-should-retry": "false"}
    assert not fault_of(status_error(anthropic, 500, None, headers), provider="claude").retryable


def test_a_limit_of_the_day_is_not_tried_again_but_does_not_close_the_account():
    body = {"message": "Tokens per day limit exceeded", "code": "token_quota_exceeded"}
    fault = reported(Report(429, body), provider="cerebras")
    assert type(fault) is errors.Throttled
    assert not fault.retryable


@pytest.mark.parametrize("library", [openai, anthropic], ids=lambda library: library.__name__)
def test_nothing_that_a_vendor_wrote_is_repeated(library):
    echo = f"Incorrect key {SECRET}"
    body = {"error": {"message": echo, "type": echo, "code": SECRET}}
    fault = fault_of(status_error(library, 401, body), provider="claude")
    assert SECRET not in repr(fault) + str(fault.extra) + "".join(traceback.format_exception(fault))


@pytest.mark.parametrize("provider", ["claude", "cerebras", "deepseek", "ollama", "local", "new"])
@pytest.mark.parametrize("kind", [errors.Fault, *below(errors.Fault)], ids=lambda kind: kind.code)
def test_every_fault_is_a_sentence_that_names_the_provider(provider, kind):
    from providers.sentences import sentence

    said = sentence(kind, provider, why="reason")
    assert names_of(provider).title.lower() in said.lower()
    assert re.fullmatch(r"[A-Z].*\.", said)
    assert "{" not in said
