"""A vendor's wire format, speaking one answer to one request.

The base class knows the order in which a stream is told; a subclass knows the bytes. Where a
format has no form for something, its fault does not name that vendor.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from tests.upstream.problems import PROBLEMS
from tests.upstream.records import Answer
from tests.upstream.script import Chunk, Counts, End, Head, Reply, Request, Step

CREATED = 1_790_000_000
"""When every fake answer says that it was made: bytes must not depend on the day."""


def compact(value: object) -> str:
    """JSON as the vendors write it: UTF-8 without spaces; only a half surrogate is escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


class Voice(ABC):
    """`number` makes the ids of this answer; `body` is the request's JSON."""

    vendor: ClassVar[str]
    paths: ClassVar[frozenset[str]]
    """What follows the vendor's base URL."""
    media_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    finishes: ClassVar[dict[str, str]]
    """`stop`, `length`, `refusal` and what else this vendor has, in its own words."""

    def __init__(self, answer: Answer, request: Request, body: dict[str, Any], number: int) -> None:
        self.answer = answer
        self.request = request
        self.body = body
        self.number = number

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Chosen when they are spoken, so that a mistake in the choice is one of the script."""
        return self.answer.words(self.body)

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    # How a stream is told.

    def whole(self) -> Iterator[Step]:
        """Everything that a vendor in good health sends."""
        yield from self.until(len(self.words))
        yield from self.rest(len(self.words))

    def until(self, count: int, **opening: Any) -> Iterator[Step]:
        """Head, opening and the first `count` pieces."""
        if count > len(self.words):
            raise ValueError(f"needs {count} pieces, {self.vendor}'s answer has {len(self.words)}")
        yield self.head()
        yield from self.opening(**opening)
        yield from map(self.piece, self.words[:count])

    def rest(self, count: int, reason: str = "stop", *, usage: bool = True) -> Iterator[Step]:
        """The pieces after the first `count`, the end marker and the end of the body."""
        yield from map(self.piece, self.words[count:])
        yield from self.closing(reason, usage=usage)
        yield End()

    def head(self) -> Head:
        return Head(self.media_type, (("cache-control", "no-cache"), self.request_id()))

    def refuse(self, status: int, why: str = "") -> Reply:
        """The vendor's own words for a status. `why`: model, credit, prompt, spend or nothing."""
        status, problem = self.problem(status, why)
        body = compact(problem).encode()
        return Reply(status, "application/json", body, (self.request_id(),))

    def problem(self, status: int, why: str = "") -> tuple[int, dict[str, Any]]:
        """Status and JSON of a refusal; where `why` is given, the status is the vendor's own."""
        return PROBLEMS[self.vendor](status, why, self.model)

    def complaint(self) -> Reply | None:
        """What a real vendor refuses in this request, whatever was ordered."""
        if not self.has_key():
            return self.refuse(401)
        return None if self.streams() else self.refuse(400)

    def has_key(self) -> bool:
        return self.request.headers.get("authorization", "").startswith("Bearer ")

    def streams(self) -> bool:
        return self.body.get("stream") is True

    def request_id(self) -> tuple[str, str]:
        return "x-request-id", f"req_{self.number:024d}"

    # The bytes.

    @abstractmethod
    def opening(
        self, *, pings: int = 0, thoughts: tuple[str, ...] = (), usage: bool = True
    ) -> list[Chunk]:
        """What comes before the first word: waiting, then thinking, then the block of the text."""

    @abstractmethod
    def piece(self, text: str) -> Chunk:
        """One event with words."""

    @abstractmethod
    def closing(self, reason: str = "stop", *, usage: bool = True) -> list[Chunk]:
        """Finish reason, usage and the end marker."""

    @abstractmethod
    def error(self, kind: str) -> Chunk:
        """The failure inside a 200; `kind` is `overloaded` or `server`."""

    @abstractmethod
    def unknown(self) -> list[Chunk]:
        """Events of kinds that no client knows yet."""

    # What not every vendor has.

    def ping(self) -> Chunk:
        raise NotImplementedError

    def running_usage(self, counts: Counts) -> Chunk:
        """The usage so far, in the middle of the text."""
        raise NotImplementedError

    def misplaced(self, text: str) -> Chunk:
        """Words that belong to no part of this answer."""
        raise NotImplementedError

    def tool_call(self) -> list[Chunk]:
        """The beginning of a tool call, its arguments cut in the middle."""
        raise NotImplementedError
