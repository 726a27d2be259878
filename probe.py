"""What stands between here and a Leadstream: `doctor --url` streams timed frames through it.

Whatever holds frames back, compresses them or cuts a silence is told by what it does to the probe,
whoever it is; its name, where a header gives it away, only picks the line to add.
"""

from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from itertools import islice
from time import monotonic, time
from typing import NamedTuple

import httpx2
import msgspec

FRAMES = 8
"""How many come a quarter of a second apart; one more comes after the silence."""

SKEW_S = 60

_CURES = {
    ("nginx", "buffers"): "proxy_buffering off;",
    ("nginx", "compresses"): "gzip off;",
    ("nginx", "cuts"): "proxy_read_timeout 120s;",
    ("caddy", "buffers"): "flush_interval -1",
    ("caddy", "compresses"): "@rest not path /api/stream/*, then: encode @rest gzip",
    ("caddy", "cuts"): "transport http { read_timeout 120s }",
    ("apache", "buffers"): "ProxyPass … flushpackets=on",
    ("apache", "compresses"): "SetEnv no-gzip 1",
    ("apache", "cuts"): "ProxyTimeout 120",
    ("cloudflare", "cuts"): "LEADSTREAM_HEARTBEAT_S=15: it waits 100 s",
    ("", "buffers"): "turn buffering off there for text/event-stream",
    ("", "compresses"): "turn compression off there for text/event-stream",
    ("", "cuts"): "raise the idle timeout there above LEADSTREAM_HEARTBEAT_S",
}
"""The line to add, by who says that it stands in between, and by what it does."""


class Finding(NamedTuple):
    """`kind` is `ok`, `note` or `bad`; `cure` is the line to add, where one is known."""

    kind: str
    text: str
    cure: str = ""


class Frame(NamedTuple):
    """When it was sent, by the server's clock, and when it came, by ours; in ms."""

    sent_ms: float
    came_ms: float


def between(url: str, key: str = "", *, silence_s: float = 16) -> Iterator[Finding]:
    """What there is between here and the Leadstream at `url`; it takes `silence_s` and two more."""
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, br, zstd"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    asked = f"{url.rstrip('/')}/api/probe?silence_ms={silence_s * 1000:.0f}"
    try:
        with httpx2.stream("GET", asked, headers=headers, timeout=silence_s + 15) as answer:
            if refusal := _refusal(answer):
                yield Finding("bad", refusal)
                return
            name = _name(answer.headers)
            yield Finding("ok", f"{url} answers" + (f", through {name}" if name else ""))
            yield from clock(answer.headers)
            if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
                yield _bad(name, "compresses", f"streams come compressed ({encoding})")
            else:
                yield from _judged(name, _frames(answer), silence_s)
    except httpx2.HTTPError as error:
        yield Finding("bad", f"{url} cannot be reached: {type(error).__name__}")


def _judged(name: str, frames: Iterator[Frame], silence_s: float) -> Iterator[Finding]:
    quick = list(islice(frames, FRAMES))
    if len(quick) < FRAMES:
        yield _bad(name, "cuts", f"the stream was cut after {len(quick)} of {FRAMES} frames")
        return
    sent_ms, came_ms = (quick[-1][of] - quick[0][of] for of in (0, 1))
    if came_ms < sent_ms / 2:
        yield _bad(name, "buffers", "frames are held back and come together")
    else:
        yield Finding("ok", "frames come as they are sent")
    if next(frames, None):
        yield Finding("ok", f"a silence of {silence_s:g} s is not cut")
    else:
        yield _bad(name, "cuts", f"a silence of {silence_s:g} s is cut")


def _frames(answer: httpx2.Response) -> Iterator[Frame]:
    """Every whole frame, until the end or the cut."""
    left = b""
    with suppress(httpx2.TransportError):
        for part in answer.iter_raw():
            *whole, left = (left + part).split(b"\n\n")
            for block in whole:
                sent_ms = msgspec.json.decode(block.partition(b"data: ")[2])["sent_ms"]
                yield Frame(sent_ms, monotonic() * 1000)


def _refusal(answer: httpx2.Response) -> str | None:
    """Why this is no stream of ours; None where it is one."""
    if answer.is_redirect:
        return f"it redirects to {answer.headers.get('location')}: use that address"
    if answer.status_code == 401:
        return "it wants a key: --key"
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        return None
    return f"no Leadstream answers there: {answer.status_code} {answer.reason_phrase}"


def clock(headers: httpx2.Headers) -> Iterator[Finding]:
    """A complaint where the sender's clock is far from ours."""
    with suppress(KeyError, ValueError):
        ahead_s = parsedate_to_datetime(headers["date"]).timestamp() - time()
        if abs(ahead_s) > SKEW_S:
            yield Finding("bad", f"its clock and yours differ by {ahead_s:.0f} s", "set up NTP")


def _name(headers: httpx2.Headers) -> str:
    said = f"{headers.get('server', '')} {headers.get('via', '')}".lower()
    return next((name for name, _ in _CURES if name and name in said), "")


def _bad(name: str, does: str, text: str) -> Finding:
    return Finding("bad", text, _CURES.get((name, does), _CURES["", does]))
