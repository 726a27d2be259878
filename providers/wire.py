"""Bytes to JSON, pure: the two framings that vendors stream in, and their JSON.

The decoders are pushed whatever the socket gave and hand out each whole event's payload. They do
no I/O and keep one unfinished event, no more than `EVENT_LIMIT` bytes of it. The result is the
same however the bytes were cut. Event names are not kept: every vendor repeats the type in the
JSON. The work is linear in the bytes, and a burst of whole frames costs one `split`.

`feed` is a generator, so that events before a broken one are handed out before it raises: what
the model had said until then is kept.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from errors import TooLarge
from providers.sentences import sentence

EVENT_LIMIT = 1 << 20
"""Bytes that one event of a vendor may have. A token's event has some hundreds."""

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Frames:
    """Cuts bytes at a separator; the unfinished rest waits for more."""

    def __init__(self, provider: str, separator: bytes, limit: int) -> None:
        self._provider = provider
        self._separator = separator
        self._limit = limit
        self._rest = bytearray()

    def cut(self, data: bytes) -> Iterable[bytes]:
        """Each whole frame without its separator. It or its iteration raises `TooLarge`."""
        separator, rest = self._separator, self._rest
        if rest:
            # Only the new bytes are searched, and those before them that may begin a separator.
            seen = len(rest) - len(separator) + 1
            rest += data
            if rest.find(separator, max(seen, 0)) < 0:
                self._check_rest()
                return ()
            data = bytes(rest)
            rest.clear()
        *frames, last = data.split(separator)
        rest += last
        return frames if len(data) <= self._limit else self._checked(frames)

    def _checked(self, frames: list[bytes]) -> Iterator[bytes]:
        for frame in frames:
            if len(frame) > self._limit:
                raise self._too_large()
            yield frame
        self._check_rest()

    def _check_rest(self) -> None:
        # The rest may end with a part of a separator, which is not the frame's.
        if len(self._rest) > self._limit + len(self._separator) - 1:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        why = f"one event of more than {self._limit:,} bytes"
        return TooLarge(sentence(TooLarge, self._provider, why=why))


class SseDecoder:
    """Server-Sent Events (WHATWG HTML 9.2), the payloads only: `id`, `event`, `retry` are dropped.

    An event that the stream's end cuts is discarded, as the standard says.
    """

    def __init__(self, provider: str, limit: int = EVENT_LIMIT) -> None:
        self._frames = Frames(provider, b"\n\n", limit)
        self._start: bytes | None = b""
        self._after_cr = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of each event that `data` completes, its lines joined by LF."""
        if self._start is not None:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        for frame in self._frames.cut(data):
            if frame.startswith(b"data: ") and b"\n" not in frame:
                yield frame[6:]
            elif (payload := _payload(frame)) is not None:
                yield payload

    def _without_bom(self, data: bytes) -> bytes:
        start = (self._start or b"") + data
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _with_lf(self, data: bytes) -> bytes:
        """CRLF and CR as LF. A CR ends its line at once; an LF that follows it is no second end."""
        if not data:
            return data
        if self._after_cr:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class NdjsonDecoder:
    """One JSON value a line. A line that the stream's end cuts is discarded."""

    def __init__(self, provider: str, limit: int = EVENT_LIMIT) -> None:
        self._frames = Frames(provider, b"\n", limit)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Each line that `data` completes; blank ones are skipped. JSON takes a CR for space."""
        for line in self._frames.cut(data):
            if line and not line.isspace():
                yield line


def _payload(frame: bytes) -> bytes | None:
    """The data lines of a frame, joined; None where it has none and is not dispatched."""
    lines = []
    for line in frame.split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if lines else None


def json_decoder(kind: type[T]) -> Callable[[bytes], T]:
    """A decoder of JSON into `kind` that also takes half a character.

    A vendor that cuts a character outside the BMP between two deltas sends each half of its
    escape alone (`"\\ud83d"`). msgspec refuses those, the standard library takes them; what it
    makes of them is for `Halves`. Raises `msgspec.DecodeError`, `UnicodeDecodeError`,
    `json.JSONDecodeError` or `RecursionError` for anything else that is no such JSON.
    """
    decode = msgspec.json.Decoder(kind).decode

    def tolerant(data: bytes) -> T:
        try:
            return decode(data)
        except msgspec.DecodeError:
            if b"\\u" not in data:
                raise
            return msgspec.convert(json.loads(data), kind)

    return tolerant


class Halves:
    """Joins a surrogate pair that was split over two deltas; a lone half becomes U+FFFD."""

    def __init__(self) -> None:
        self._high = ""

    def join(self, text: str) -> str:
        """`text` without a high half at its end, which waits for the next."""
        if not self._high and (text.isascii() or not _SURROGATE.search(text)):
            return text
        if not text:
            return text
        text = self._high + text
        self._high = ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return _whole(text)

    def flush(self) -> str:
        """What the half that still waits becomes, now that nothing follows."""
        high, self._high = self._high, ""
        return _whole(high)


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
