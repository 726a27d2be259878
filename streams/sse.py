"""The wire format of a stream, pure: events to frames, frames to events.

One event is encoded once. The same bytes go to the store, to every follower and into every replay,
so two readings are equal byte for byte. A frame is LF only, `id: N`, one `data:` line of JSON, a
blank line. There is no `event:` line, so that `onmessage` gets every event; and since JSON escapes
every control character, no text can end a line or forge a field.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Event = dict[str, Any]

TERMINAL = frozenset({"complete", "error", "stopped"})
"""The types of which exactly one ends a stream."""

PING = b": ping\n"
"""The heartbeat. One newline: after two, several clients dispatch an empty event."""

# Money is a Decimal and a JSON number on the wire: exact here, and JavaScript reads it.
_encode: Callable[[Any], bytes] = msgspec.json.Encoder(decimal_format="number").encode
_decode: Callable[[bytes], Event] = msgspec.json.Decoder(dict[str, Any]).decode

_NUMBER = re.compile(rb"id: ([0-9]+)\n")
_NEXT = re.compile(rb"\n\nid: ([0-9]+)\n")


def to_json(value: Any) -> bytes:
    """JSON as this server writes it everywhere: UTF-8, compact, Decimals as numbers."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_whole(value))


def from_json(data: bytes) -> Event:
    """The object that `to_json` wrote."""
    return _decode(data)


def frame(number: int, event: Event) -> bytes:
    """The bytes of event `number`, blank line included."""
    return b"id: %d\ndata: %b\n\n" % (number, to_json(event))


def unnumbered(event: Event) -> bytes:
    """The bytes of an event that is told to one reader and is not in the log: it carries no id."""
    return b"data: %b\n\n" % to_json(event)


def with_retry(frames: bytes, ms: int) -> bytes:
    """`frames` with `retry:` inside the first one: a block of its own would be an empty event."""
    return retry(ms) + frames


def retry(ms: int) -> bytes:
    """When a reader is to come back. No blank line: alone it would be an empty event to some."""
    return b"retry: %d\n" % ms


def events(frames: bytes) -> Iterator[tuple[int | None, Event]]:
    """Read back what `frame` and `unnumbered` wrote: `(number, event)` for each."""
    for block in frames.split(b"\n\n"):
        if block:
            head, _, data = block.partition(b"data: ")
            yield int(head[4:]) if head else None, _decode(data)


def after(frames: bytes | bytearray, number: int) -> bytes:
    """The frames past `number` out of consecutive `frames`, in time linear in what is given.

    A blank line never stands inside a frame, so what follows one is the beginning of the next.
    """
    first = _NUMBER.match(frames)
    if first is None or int(first[1]) > number:
        return bytes(frames)
    start = frames.rfind(b"\n\nid: %d\n" % (number + 1))
    return b"" if start < 0 else bytes(frames[start + 2 :])


def first_in(frames: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """The first frame that begins behind `start`: its number, and where it begins."""
    found = _NEXT.search(frames, start)
    return found and (int(found[1]), found.start() + 2)


def _whole(value: Any) -> Any:
    """`value` with lone surrogates replaced: they have no UTF-8, and an answer must not die of one.

    The slow path of `to_json`: a vendor that splits a pair over two pieces is mended before, in
    `providers.wire`.
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(k): _whole(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(v) for v in value]
    return value
