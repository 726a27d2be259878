"""What a fake vendor does with one request: a script, a sequence of steps.

A script says what leaves the socket and knows no socket; the server plays it and knows no vendor.
Every fault is therefore a value that can be printed, compared and cut in two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Counts(NamedTuple):
    """Tokens as a vendor has reported them so far, totals: cache and reasoning included."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Request:
    """One request as it came. Header names are in lower case; the body is what its JSON says."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A whole response with a Content-Length; the connection stays open for the next request."""

    status: int
    media_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Head:
    """Status line and headers of a response whose body comes in chunks."""

    media_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Chunk:
    """One HTTP chunk, one write. `piece`: it carries a piece of the answer, and is paced."""

    data: bytes
    piece: bool = False
    usage: Counts | None = None


@dataclass(frozen=True)
class Wait:
    """Nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Nothing, with the connection open, until the test says `release()` or the client leaves."""


@dataclass(frozen=True)
class End:
    """The last chunk: the body is whole for HTTP, whatever was in it. The connection lives on."""


@dataclass(frozen=True)
class Cut:
    """An orderly close (FIN) without the last chunk."""


@dataclass(frozen=True)
class Reset:
    """RST: the connection is gone at once, the client's next read raises."""


Step = Reply | Head | Chunk | Wait | Hold | End | Cut | Reset
Script = Iterable[Step]
"""May be endless; the server takes one step at a time."""
