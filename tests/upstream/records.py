"""What a test is told: the answer that it ordered, and what came of every request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.upstream.script import Counts

Pieces = Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]
"""The words, one for each event; or a function of the request's JSON that chooses them."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a vendor says. Token counts are totals, cache and reasoning included."""

    pieces: Pieces
    pace_s: float = 0
    input_tokens: int = 31
    output_tokens: int = 110
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def words(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(self.pieces(body) if callable(self.pieces) else self.pieces)

    @property
    def counts(self) -> Counts:
        return Counts(self.input_tokens, self.output_tokens)


@dataclass(eq=False, kw_only=True)
class Attempt:
    """One request and what was done with it; it goes on changing while the request is served.

    Times are of the monotonic clock. `connection` numbers the TCP connections from 1, so that two
    attempts with the same number shared one. `usage_sent` is the last that the vendor reported.
    """

    vendor: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    connection: int
    fault: object = None
    opened_s: float
    closed_s: float | None = None
    client_left: bool = False
    """The client closed its side before the script was at its end."""
    holding: bool = False
    """It waits for `release()`."""
    bytes_sent: int = 0
    """Of the body: without head and chunk framing."""
    pieces_sent: int = 0
    usage_sent: Counts | None = None
    sent: bytearray = field(default_factory=bytearray, repr=False)
    """The first of those bytes, up to `KEPT_BYTES`."""

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def open(self) -> bool:
        return self.closed_s is None


KEPT_BYTES = 1 << 16
"""Of each body this much is kept: enough to compare, little enough for an endless one."""
