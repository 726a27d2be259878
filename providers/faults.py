"""Any exception of any client library, and any error object of any vendor, as one of our Faults.

One classifier for all: the SDKs leak their transport's exceptions, wrap one fault in another's
class (a cut stream in a connect time-out) and report cut streams as success. So it reads the whole
chain of causes, the deepest first, for a name that says something; a name that says little counts
only when there is no other. It imports no SDK: classes are known by package and name, so that a
class of a newer version is found by its bases, and one that has none of these is a Fault too.

What a vendor said is read for its meaning and never repeated: it may hold the prompt or the key.
"""

import errno
import logging
import math
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import errors
from errors import Fault
from providers import fault_tables as tables
from providers.sentences import sentence

_log = logging.getLogger(__name__)


class Report(NamedTuple):
    """What a vendor says went wrong: a status where there is one, and its error object."""

    status: int | None
    body: object
    headers: Mapping[str, str] = {}


def fault_of(error: BaseException, *, provider: str, now: Callable[[], float] = time.time) -> Fault:
    """The Fault that `error` is. Never raises; a Fault is itself."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, Fault):
            return link
    for link in reversed(chain):
        if report := _report_of(link):
            return reported(report, provider=provider, now=now)
    for says in (_sign, _clear, _vague):
        for link in chain:
            if kind := says(link):
                return kind(sentence(kind, provider, why=_why(link)))
    _log.error("%s: %s has no place among the faults", provider, type(error), exc_info=error)
    why = f"an exception that Leadstream does not know ({type(error).__name__})"
    return errors.UpstreamError(sentence(errors.UpstreamError, provider, why=why), retryable=False)


def reported(report: Report, *, provider: str, now: Callable[[], float] = time.time) -> Fault:
    """The Fault that a vendor's error object says, with or without a status."""
    names, message = _read(report.body)
    status = report.status
    if status is None:
        status = next((int(name) for name in names if re.fullmatch("[45][0-9]{2}", name)), None)
    kind = _kind(status, names, message)
    why = next((name for name in names if re.fullmatch("[a-z][a-z_]{2,40}", name)), "")
    why = why or (f"status {status}" if status else "an error without a name")
    daily = kind is errors.Throttled and tables.DAILY.search(message)
    # A redirect leads elsewhere the next time too, and would be given the prompt again.
    stop = daily or kind is errors.ProtocolError or report.headers.get("x-should-retry") == "false"
    return kind(
        sentence(kind, provider, why=why),
        retry_after_s=_retry_after(report.headers, now),
        retryable=False if stop else None,
    )


def _kind(status: int | None, names: tuple[str, ...], message: str) -> type[Fault]:
    if status is not None and (status >= 500 or status < 400):
        return errors.UpstreamError if status >= 500 else errors.ProtocolError
    telling = tables.ALONE if status is None else tables.TELLING
    for name in names:
        if name in telling:
            return telling[name]
    if status is None or status in (400, 404, 429):
        for words, kind in tables.WORDS:
            if words.search(message):
                return kind
    return errors.UpstreamError if status is None else tables.STATUS.get(status, errors.Rejected)


def _read(body: object) -> tuple[tuple[str, ...], str]:
    """Its names, the most telling first, and its words."""
    outer = body.get("status_code") if isinstance(body, dict) else None
    if isinstance(body, dict) and body.get("error"):
        body = body["error"]
    if not isinstance(body, dict):
        return (), body if isinstance(body, str) else ""
    details = body.get("details")
    inner = details.get("error_code") if isinstance(details, dict) else None
    names = (inner, body.get("code"), body.get("type"), outer)
    return tuple(str(name) for name in names if name), str(body.get("message") or "")


def _retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Seconds, from any of the three forms in use; None where there is no sense in it."""
    try:
        if (ms := headers.get("retry-after-ms")) is not None:
            seconds = float(ms) / 1000
        elif (value := headers.get("retry-after")) is None:
            return None
        elif re.fullmatch(r"[0-9.]+", value.strip()):
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that caused it, the deepest first.

    Not its `__context__`: that may be the failed attempt before this one. httpcore cuts off the
    cause and keeps it among the arguments.
    """
    path: list[BaseException] = []
    todo: list[BaseException] = [error]
    while todo:
        link = todo.pop()
        if any(link is seen for seen in path):
            continue
        path.append(link)
        members = link.exceptions if isinstance(link, BaseExceptionGroup) else link.args
        todo.extend(part for part in members if isinstance(part, BaseException))
        if link.__cause__ is not None:
            todo.append(link.__cause__)
    return reversed(path)


def _report_of(error: BaseException) -> Report | None:
    """The vendor's answer that `error` carries, by whichever attribute its library keeps it."""
    if _library(error) is None:
        return None
    response: Any = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    body = getattr(error, "body", None)
    if status == 200 and body:
        status = None  # an error event: the status line had been sent when it failed
    if not isinstance(status, int) and body is None:
        return None
    headers = getattr(response, "headers", None) or getattr(error, "headers", None) or {}
    return Report(status, body, headers)


def _library(error: BaseException) -> str | None:
    """The client library that made this class, or a base of it."""
    for base in type(error).__mro__:
        root = base.__module__.partition(".")[0]
        if root in tables.LIBRARIES:
            return root
    return None


def _sign(error: BaseException) -> type[Fault] | None:
    """What a library tells in its text only: that a short body was a reset, or the reverse."""
    text = _text(error)
    return next((kind for words, kind in tables.SIGNS if words in text), None)


def _clear(error: BaseException) -> type[Fault] | None:
    if isinstance(error, UnicodeEncodeError):
        # A header takes no such character, and only the key in it is not ours.
        return errors.Rejected if error.encoding == "utf-8" else errors.Unauthorized
    return _by_name(error, tables.CLEAR) or _by_class(error, tables.BUILTIN)


def _text(error: BaseException) -> str:
    try:
        return str(error) if _library(error) else ""
    except Exception:  # some format attributes that were never set
        return ""


def _vague(error: BaseException) -> type[Fault] | None:
    return _by_name(error, tables.VAGUE) or _by_class(error, tables.VAGUE_BUILTIN)


def _by_name(error: BaseException, table: Mapping[str, type[Fault]]) -> type[Fault] | None:
    for base in type(error).__mro__:
        if base.__name__ in table and base.__module__.partition(".")[0] in tables.LIBRARIES:
            return table[base.__name__]
    return None


def _by_class(
    error: BaseException, table: tuple[tuple[type[BaseException], type[Fault]], ...]
) -> type[Fault] | None:
    return next((kind for base, kind in table if isinstance(error, base)), None)


def _why(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number or 0, type(error).__name__)
