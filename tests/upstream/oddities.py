"""Faults of the content: bytes, events and endings that are odd, and sometimes harmless.

Half of them a client must survive without a word lost (`Bytewise`, `SplitSurrogate`, `AfterTheEnd`,
`UnknownEvents`, `Gzip`, …); the docstring of each says what is odd, not what is right.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from tests.upstream.faults import EVERYONE, HOSTED, Fault
from tests.upstream.script import Chunk, Counts, End, Head, Step
from tests.upstream.voice import Voice

MEGABYTE = 1 << 20
_FINISHES = {"stop": EVERYONE, "length": EVERYONE, "refusal": HOSTED}
_FINISHES |= {"context": frozenset({"claude"}), "capacity": frozenset({"deepseek"})}


@dataclass(frozen=True)
class _Inserted(Fault):
    """The whole answer, with something odd after `count` pieces."""

    count: int = 2

    def odd(self, voice: Voice) -> list[Chunk]:
        raise NotImplementedError

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(self.count)
        yield from self.odd(voice)
        yield from voice.rest(self.count)


@dataclass(frozen=True)
class TruncatedJson(_Inserted):
    """A framed event whose JSON stops too early."""

    def odd(self, voice: Voice) -> list[Chunk]:
        event = voice.piece("lost").data
        body = event.rstrip(b"\n")
        return [Chunk(body[:-12] + event[len(body) :])]


@dataclass(frozen=True)
class InvalidUtf8(_Inserted):
    """An event with bytes that are no UTF-8."""

    def odd(self, voice: Voice) -> list[Chunk]:
        return [Chunk(voice.piece("@@").data.replace(b"@@", b"\xc3\x28\xff"))]


@dataclass(frozen=True)
class SplitSurrogate(_Inserted):
    """U+1F642 as two JSON escapes in two events."""

    def odd(self, voice: Voice) -> list[Chunk]:
        return [voice.piece("\ud83d"), voice.piece("\ude42")]


@dataclass(frozen=True)
class LoneSurrogate(_Inserted):
    """The first half of such a pair; the other half never comes."""

    def odd(self, voice: Voice) -> list[Chunk]:
        return [voice.piece("\ud83d")]


@dataclass(frozen=True)
class UnknownEvents(_Inserted):
    """Events, deltas and fields of a future version."""

    def odd(self, voice: Voice) -> list[Chunk]:
        return voice.unknown()


@dataclass(frozen=True)
class WrongIndex(_Inserted):
    """Words of a content block or choice that was never begun."""

    vendors = HOSTED

    def odd(self, voice: Voice) -> list[Chunk]:
        return [voice.misplaced(" misplaced")]


@dataclass(frozen=True)
class HugeEvent(_Inserted):
    """One event of so many megabytes."""

    megabytes: int = 20

    def odd(self, voice: Voice) -> list[Chunk]:
        event = voice.piece("@@")
        return [replace(event, data=event.data.replace(b"@@", b"x" * self.megabytes * MEGABYTE))]


@dataclass(frozen=True)
class UsageTwice(_Inserted):
    """Usage in the middle, with half of the output, and the totals at the end."""

    vendors = HOSTED

    def odd(self, voice: Voice) -> list[Chunk]:
        counts = voice.answer.counts
        return [voice.running_usage(Counts(counts.input_tokens, counts.output_tokens // 2))]


@dataclass(frozen=True)
class ToolCallCut(Fault):
    """After `count` pieces a tool call begins; a clean end cuts its arguments."""

    count: int = 2
    vendors = HOSTED

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(self.count)
        yield from voice.tool_call()
        yield End()


@dataclass(frozen=True)
class Ends(Fault):
    """A whole answer that ends by `length`, `refusal`, `context` (Claude's window is full) or
    `capacity` (DeepSeek ran out of it)."""

    reason: str = "length"

    def fits(self, vendor: str) -> bool:
        return vendor in _FINISHES[self.reason]

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(0)
        yield from voice.rest(0, self.reason)


@dataclass(frozen=True)
class NoUsage(Fault):
    """A whole answer that names no tokens."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(0, usage=False)
        yield from voice.rest(0, usage=False)


@dataclass(frozen=True)
class AfterTheEnd(Fault):
    """The end twice, and words after it."""

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(len(voice.words))
        yield from voice.closing()
        yield from voice.closing()
        yield from (voice.piece(" after the end"), End())


@dataclass(frozen=True)
class Thinking(Fault):
    """Reasoning before the words."""

    thoughts: tuple[str, ...] = ("Let me", " think.")

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(0, thoughts=self.thoughts)
        yield from voice.rest(0)


@dataclass(frozen=True)
class PingsFirst(Fault):
    """Comments or pings while one waits for the first word."""

    pings: int = 3
    vendors = HOSTED

    def script(self, voice: Voice) -> Iterator[Step]:
        yield from voice.until(0, pings=self.pings)
        yield from voice.rest(0)


@dataclass(frozen=True)
class Bytewise(Fault):
    """Every byte in a chunk and a write of its own."""

    def script(self, voice: Voice) -> Iterator[Step]:
        for step in voice.whole():
            if isinstance(step, Chunk):
                *early, last = (bytes((byte,)) for byte in step.data)
                yield from map(Chunk, early)
                yield replace(step, data=last)
            else:
                yield step


@dataclass(frozen=True)
class Gzip(Fault):
    """The body compressed, event by event, for who accepts it; `of` is another fault."""

    of: Fault | None = None
    asked: ClassVar[bool] = True

    def fits(self, vendor: str) -> bool:
        return self.of is None or self.of.fits(vendor)

    def script(self, voice: Voice) -> Iterator[Step]:
        steps = self.of.script(voice) if self.of else voice.whole()
        accepts = "gzip" in voice.request.headers.get("accept-encoding", "")
        yield from (compressed(iter(steps)) if accepts or not self.asked else steps)


@dataclass(frozen=True)
class GzipBomb(Gzip):
    """A small body that grows to 64 MB in one event; nobody was asked whether they accept it."""

    of: Fault | None = HugeEvent(megabytes=64)
    asked: ClassVar[bool] = False


def compressed(steps: Iterator[Step]) -> Iterator[Step]:
    """The same script with Content-Encoding gzip, flushed after each chunk."""
    packer = zlib.compressobj(wbits=31)
    for step in steps:
        if isinstance(step, Head):
            yield replace(step, headers=(*step.headers, ("content-encoding", "gzip")))
        elif isinstance(step, Chunk):
            data = packer.compress(step.data) + packer.flush(zlib.Z_SYNC_FLUSH)
            yield replace(step, data=data)
        else:
            if isinstance(step, End):
                yield Chunk(packer.flush())
            yield step
