"""Partial JSON: where the pieces of a growing answer end, and which of its words are certain.

One pass over text that may break anywhere; no character is read twice. It knows only the outline of
JSON, brackets and strings; whether a piece is JSON is left to jiter once it is finished, so a fault
in one piece costs that piece and not the answer. Pure: text in, Words and Pieces out.

A piece is a field of the answer, or one element where that field is a list.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import jiter


class Words(NamedTuple):
    """Words of a prose field that nothing which follows can change."""

    path: str
    text: str


class Piece(NamedTuple):
    """A finished piece as JSON text; `element` counts from 0 where it is one of a list."""

    name: str
    element: int | None
    json: str

    @property
    def path(self) -> str:
        return self.name if self.element is None else f"{self.name}[{self.element}]"


_START = re.compile(r'\{(?=\s*+(?:(")|$))')
"""The answer opens at the first brace that a key follows; what stands before is no answer."""

_TOKEN = re.compile(r'[ \t\r\n]*+(?:([{}\[\]:,"])|([^ \t\r\n{}\[\]:,"]++)(?=[ \t\r\n{}\[\]:,"]))')

_UNIT = r"\\u[0-9a-fA-F]{4}"
_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"

_SETTLED = re.compile(
    rf'(?>(?:[^"\\]++|\\[^u]|(?!{_HIGH}){_UNIT}|{_HIGH}{_LOW}'
    rf"|{_HIGH}(?=[^\\]|\\[^u]|(?!{_LOW}){_UNIT}))*)",
    re.DOTALL,
)
"""As much of a string as cannot change any more: no half escape, no half surrogate pair.

An atomic group and not `(?:…)*+`, which Python before 3.11.5 matches wrongly.
"""

_ODD = re.compile(
    rf'(\\["\\/bfnrt]|{_HIGH}{_LOW}|(?!{_HIGH}|{_LOW}){_UNIT})|{_UNIT}|\\(.)|[\0-\x1f]', re.DOTALL
)
"""Escapes, those that JSON has as group 1, and characters that must not stand bare in a string."""


def _mended(odd: re.Match[str]) -> str:
    """What models write and JSON does not have: half surrogate pairs, escapes of their own, bare
    line ends."""
    good, escaped = odd.groups()
    character = escaped or odd[0]
    return good or ("\\ufffd" if len(character) > 1 else f"\\u{ord(character):04x}")


class _Level:
    """One open bracket, and where in it the reader stands."""

    def __init__(self, bracket: str) -> None:
        self.listed = bracket == "["
        self.at_key = not self.listed
        self.key = ""
        self.index = 0


class Reader:
    """Reads one answer; `prose` are the paths of the strings that are wanted as they grow."""

    def __init__(self, prose: frozenset[str]) -> None:
        self.ended = False
        """Nothing that follows belongs to the answer."""
        self.whole = False
        """It ended with its own last brace."""
        self._prose = prose
        self._text, self._at = "", 0
        self._levels: list[_Level] = []
        self._parts: list[str] = []
        """The piece that is open."""
        self._in_string = False
        self._growing: str | None = None

    def feed(self, text: str) -> Iterator[Words | Piece]:
        """What `text` makes certain. Consume it before the next."""
        self._text, self._at = self._text[self._at :] + text, 0
        before = -1
        while before < self._at and not self.ended:
            before = self._at
            if self._in_string:
                yield from self._string()
            elif self._levels:
                yield from self._token()
            else:
                self._begin()

    def _begin(self) -> None:
        found = _START.search(self._text, self._at)
        if found is None:
            self._at = len(self._text)
        elif found[1] is None:
            self._at = found.start()
        else:
            self._at = found.end()
            self._levels.append(_Level("{"))

    def _token(self) -> Iterator[Piece]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            return
        self._at = found.end()
        mark, scalar = found.groups()
        if scalar:
            self._parts.append(scalar)
            yield from self._finished()
        elif mark == '"':
            self._open_string()
        elif mark in "{[":
            self._open(mark)
        elif mark in "}]":
            yield from self._close(mark)
        else:
            self._separate(mark)

    def _string(self) -> Iterator[Words | Piece]:
        settled = _SETTLED.match(self._text, self._at)
        assert settled is not None
        self._at = settled.end()
        level, text = self._levels[-1], _ODD.sub(_mended, settled[0])
        if level.at_key:
            level.key += text
        self._parts.append(text)
        if self._growing is not None and text:
            yield Words(self._growing, jiter.from_json(f'"{text}"'.encode()))
        if self._text.startswith('"', self._at):
            self._at += 1
            self._in_string = False
            self._parts.append('"')
            if not level.at_key:
                yield from self._finished()

    def _open_string(self) -> None:
        level = self._levels[-1]
        self._in_string = True
        self._parts.append('"')
        if level.at_key:
            level.key = ""
        keys = [level.key for level in self._levels]
        path = ".".join(keys)
        certain = not level.at_key and not any("." in key for key in keys)
        self._growing = path if certain and path in self._prose else None

    def _open(self, mark: str) -> None:
        self._parts.append(mark)
        self._levels.append(_Level(mark))
        if self._between():
            self._parts.clear()

    def _close(self, mark: str) -> Iterator[Piece]:
        level = self._levels.pop()
        self.whole = not self._levels and mark == "}"
        # A bracket that closes another one: where pieces end is no longer known.
        self.ended = not self._levels or level.listed != (mark == "]")
        if len(self._levels) == 1 and level.listed:
            self._parts.clear()
        elif not self.ended:
            self._parts.append(mark)
            yield from self._finished()

    def _separate(self, mark: str) -> None:
        level = self._levels[-1]
        level.at_key = mark == "," and not level.listed
        level.index += mark == ","
        self._parts.append(mark)
        if self._between():
            self._parts.clear()

    def _finished(self) -> Iterator[Piece]:
        """A value has ended; between pieces, that was one."""
        if self._between():
            index = self._levels[1].index if len(self._levels) == 2 else None
            yield Piece(self._levels[0].key, index, "".join(self._parts))
            self._parts.clear()

    def _between(self) -> bool:
        """Whether no piece is open but the value read last: at the answer's own fields, or at the
        elements of one."""
        depth = len(self._levels)
        return depth == 1 or (depth == 2 and self._levels[1].listed)
