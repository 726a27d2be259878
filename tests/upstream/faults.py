"""The faults that a vendor can show, before and while it answers; each is a value with a script.

`vendors` names who can show it; a new fault is a new class here or in `oddities.py`, and nothing
else changes. Counts are pieces of the ordered answer, which must have that many.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar

from tests.upstream.problems import REASONS
from tests.upstream.script import Chunk, Cut, End, Hold, Reply, Reset, Script, Step, Wait
from tests.upstream.voice import Voice, compact

EVERYONE = frozenset({"claude", "cerebras", "deepseek", "ollama"})
HOSTED = EVERYONE - {"ollama"}


class Fault:
    """What one attempt meets instead of a vendor in good health."""

    vendors: ClassVar[frozenset[str]] = EVERYONE

    def fits(self, vendor: str) -> bool:
        return vendor in self.vendors

    def script(self, voice: Voice) -> Script:
        raise NotImplementedError


def applies(fault: Fault, vendor: str) -> bool:
    """Whether that vendor can show that fault: not every format has a form for every one."""
    return fault.fits(vendor)


# Before the first token.


@dataclass(frozen=True)
class Status(Fault):
    """Any status but 200, with the vendor's own body.

    `why` picks one of the reasons of `problems.py`, whose status is the vendor's. `retry_after` is
    sent as it is: seconds or a date. `form` is `json`, `text` (DeepSeek's other 401) or `html` (a
    proxy in front). `should_retry` is the header x-should-retry.
    """

    status: int = 500
    why: str = ""
    retry_after: float | str | None = None
    should_retry: bool | None = None
    form: str = "json"

    def fits(self, vendor: str) -> bool:
        if self.why:
            return self.why in REASONS[vendor]
        only = {402: HOSTED, 529: {"claude"}}
        return vendor in only.get(self.status, EVERYONE)

    def script(self, voice: Voice) -> Iterator[Step]:
        reply = voice.refuse(self.status, self.why)
        headers = list(reply.headers)
        if self.retry_after is not None:
            headers.append(("retry-after", str(self.retry_after)))
        if self.should_retry is not None:
            headers.append(("x-should-retry", str(self.should_retry).lower()))
        media_type, body = self._body(reply)
        yield Reply(reply.status, media_type, body, tuple(headers))

    def _body(self, reply: Reply) -> tuple[str, bytes]:
        if self.form == "text":
            return "text/plain; charset=utf-8", b"Authentication Fails (governor)"
        if self.form == "html":
            page = f"<html><head><title>{reply.status}</title></head><body>nginx</body></html>"
            return "text/html", page.encode()
        return reply.media_type, reply.body


@dataclass(frozen=True)
class Elsewhere(Fault):
    """A 307 to another origin, which leads back here: who follows it is seen a second time."""

    def script(self, voice: Voice) -> Iterator[Step]:
        host = voice.request.headers["host"].replace("127.0.0.1", "localhost")
        location = ("location", f"http://{host}{voice.request.path}")
        yield Reply(307, "text/html", b"", (location,))


@dataclass(frozen=True)
class LoginPage(Fault):
    """200 with text/html: a captive portal."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield Reply(200, "text/html", b"<!doctype html><title>Welcome to the Wi-Fi</title>\n")


@dataclass(frozen=True)
class ErrorIn200(Fault):
    """200 with application/json and the body of a 500."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield Reply(200, "application/json", compact(voice.problem(500)[1]).encode())


@dataclass(frozen=True)
class ResetAtOnce(Fault):
    """RST where the status line should be."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield Reset()


@dataclass(frozen=True)
class HoldBeforeHead(Fault):
    """Silence; once released, a whole answer."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield Hold()
        yield from voice.whole()


@dataclass(frozen=True)
class HoldAfterHead(Fault):
    """200, the headers, silence; once released, the answer."""

    def script(self, voice: Voice) -> Iterator[Step]:
        head, *steps = voice.whole()
        yield from (head, Hold(), *steps)


@dataclass(frozen=True)
class OnlyPings(Fault):
    """Comments or pings for ever, which keep every socket time-out happy and say nothing."""

    gap_s: float = 0.005
    vendors = HOSTED

    def script(self, voice: Voice) -> Iterator[Step]:
        yield voice.head()
        for ping in repeat(voice.ping()):
            yield ping
            yield Wait(self.gap_s)


@dataclass(frozen=True)
class EmptyBody(Fault):
    """The right head, no body, a clean end."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from (voice.head(), End())


@dataclass(frozen=True)
class NoWords(Fault):
    """A healthy stream with every marker and no text."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield voice.head()
        yield from voice.opening()
        yield from voice.closing()
        yield End()


# In the middle.


@dataclass(frozen=True)
class HoldAfter(Fault):
    """`count` pieces and silence; once released, the rest."""

    count: int

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(self.count)
        yield Hold()
        yield from voice.rest(self.count)


@dataclass(frozen=True)
class _Broken(Fault):
    """`count` pieces and no more; `mid_event`: and an event that stops inside a character."""

    count: int = 2
    mid_event: bool = False
    last: ClassVar[Step]

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(self.count)
        if self.mid_event:
            event = voice.piece("é").data
            yield Chunk(event[: event.index("é".encode()) + 1])
        yield self.last


@dataclass(frozen=True)
class ResetAfter(_Broken):
    """RST."""

    last = Reset()


@dataclass(frozen=True)
class CutAfter(_Broken):
    """FIN without the last chunk: the body is short, and HTTP knows it."""

    last = Cut()


@dataclass(frozen=True)
class EndAfter(_Broken):
    """A clean end of the body without the vendor's end marker: HTTP finds nothing wrong."""

    last = End()


@dataclass(frozen=True)
class ErrorAfter(Fault):
    """The vendor's own error event after `count` pieces; `kind` is `overloaded` or `server`."""

    count: int = 2
    kind: str = "overloaded"

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(self.count)
        yield from (voice.error(self.kind), End())


@dataclass(frozen=True)
class Endless(Fault):
    """Words without an end."""

    word: str = " more"
    gap_s: float = 0.001

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(0)
        for piece in repeat(voice.piece(self.word)):
            yield piece
            yield Wait(self.gap_s)
