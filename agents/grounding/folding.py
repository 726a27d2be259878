"""Folding: what of a text counts when two are compared, with the way back to how it stands.

NFC, white space folded to one space, what cannot be seen removed, typographic quotes and dashes as
typed ones. A Folded knows for each of its characters where the source has it, so what is found in
the folded text is shown as the source has it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff"
)
"""Characters that show nothing, as the inside of a regular expression's class."""

_COMBINING = (
    "\u0300-\u036f\u1160-\u11ff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f"
)

_TYPED = str.maketrans("‘’‚‛“”„«»‐‑‒–—−", '\'\'\'\'"""""------')

_CHANGED = re.compile(
    rf"(?P<space>(?! [^\s{INVISIBLE}])[\s{INVISIBLE}]*\s[\s{INVISIBLE}]*)|(?P<gone>[{INVISIBLE}]+)"
    rf"|[^\s{INVISIBLE}][{_COMBINING}]+"
)


class Span(NamedTuple):
    """A part of a source, from `start` to before `end`, counted in characters."""

    start: int
    end: int

    def meets(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


class _Run(NamedTuple):
    """A stretch of folded text: copied as it was, or `changed` and then one with its source."""

    at: int
    source: Span
    changed: bool


class Folded:
    """`text` is what counts of `source`; with `lines`, line ends count too."""

    def __init__(self, source: str, *, lines: bool = False) -> None:
        self.source = source
        self._lines = lines
        self._runs: list[_Run] = []
        self.text = self._fold(source).translate(_TYPED)
        self._starts = [run.at for run in self._runs]

    def find(self, wanted: str) -> Iterator[Span]:
        """Where `wanted` stands in the source, each place of it; both are folded."""
        needle = folded(wanted)
        at = self.text.find(needle) if needle else -1
        while at >= 0:
            yield self.source_of(Span(at, at + len(needle)))
            at = self.text.find(needle, at + 1)

    def source_of(self, part: Span) -> Span:
        """The part of the source that a part of the folded text, not empty, was made from."""
        first, last = self._run(part.start), self._run(part.end - 1)
        start = first.source.start + (0 if first.changed else part.start - first.at)
        end = last.source.end if last.changed else last.source.start + part.end - last.at
        return Span(start, end)

    def _run(self, at: int) -> _Run:
        return self._runs[bisect_right(self._starts, at) - 1]

    def _fold(self, source: str) -> str:
        parts: list[str] = []
        length = done = 0

        def add(text: str, span: Span, changed: bool) -> None:
            nonlocal length
            if text:
                self._runs.append(_Run(length, span, changed))
                parts.append(text)
                length += len(text)

        for found in _CHANGED.finditer(source):
            add(source[done : found.start()], Span(done, found.start()), False)
            done = found.end()
            add(_folding_of(found, self._lines), Span(*found.span()), True)
        add(source[done:], Span(done, len(source)), False)
        return "".join(parts)


def folded(text: str) -> str:
    """What counts of a text, without the white space around it."""
    return Folded(text).text.strip()


def without(text: str, spans: list[Span], put: str = " ") -> str:
    """`text` with `put` in the place of the spans; those that meet are one."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not parts:
            parts += [text[done:start], put]
        done = max(done, end)
    return "".join(parts) + text[done:]


def _folding_of(found: re.Match[str], lines: bool) -> str:
    if found["gone"] is not None:
        return ""
    if found["space"] is not None:
        return "\n" if lines and "\n" in found[0] else " "
    return unicodedata.normalize("NFC", found[0])
