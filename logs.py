"""Log lines: JSON for machines, text for a terminal, and in neither what somebody has written.

An event is one line with the ids it belongs to. Messages are ours; of an exception the way through
the code is told and its type, its own words only where they cannot quote what it was given: a
validation error repeats a lead, a vendor's error repeats a prompt.
"""

import json
import logging
import sqlite3
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from errors import Problem

names: ContextVar[Mapping[str, str]] = ContextVar("names", default={})  # noqa: B039 - a Mapping
"""The ids that every line of this task carries, such as `stream_id`."""

_QUOTE_NOTHING = (Problem, OSError, sqlite3.Error, ImportError, AttributeError)

_encode = json.JSONEncoder(default=str).encode

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def about(**fields: object) -> dict[str, object]:
    """What a line says beside its sentence: `logger.info("…", extra=about(stream_id=…))`."""
    return {"fields": fields}


def log_to(stream: TextIO, how: str = "auto") -> None:
    """Send every log of this process to `stream`; `how` is `json`, `text`, or `auto`: text where a
    person reads along."""
    text = how == "text" or (how == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if text else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("leadstream").setLevel(logging.INFO)
    # What uvicorn reports as errors, our own handlers have told in full already.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


class JsonLines(logging.Formatter):
    """`{"at", "level", "logger", "message"}`, the ids, and `exception` where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if told := "\n".join(_exception(record)):
            line["exception"] = told
        return _encode(line)


class TextLines(logging.Formatter):
    """The same for people: the time, the sentence, then `name=value`; one line but for a trace."""

    def format(self, record: logging.LogRecord) -> str:
        at = self.formatTime(record, "%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{at} {record.levelname:<7} {record.name} {record.getMessage()}{fields}"
        return "\n".join([line.translate(_CONTROL), *_exception(record)])


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    said = {**names.get(), **getattr(record, "fields", {})}
    return {name: value for name, value in said.items() if value is not None}


def _exception(record: logging.LogRecord) -> Iterator[str]:
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        yield "Traceback (most recent call last):"
        yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
        words = f": {error}" if isinstance(error, _QUOTE_NOTHING) else ""
        yield f"{type(error).__name__}{words}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
