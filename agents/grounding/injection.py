"""Injection: a lead's text is an attacker's text.

What reads like an instruction to a model is found by rules. A model is not shown the passage, and
nothing from there to the end of that text counts as evidence or backs a word: whoever appends an
attack to his text changes nothing, and one who begins with it loses what follows. Mark-up is cut
where it stands. All a lead wrote goes to a model between markers drawn for that call, and nothing
inside can look like one.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from secrets import token_hex
from typing import NamedTuple

from agents.grounding.data import pattern
from agents.grounding.folding import INVISIBLE, Folded, Span, without

CUT = "[removed]"
"""Stands in a prompt where a passage was taken out."""

_SENTENCE_ENDS = re.compile(r"[.!?。！？]\s|\n|[。！？]")
_PARAGRAPH_ENDS = re.compile(r"\n\s*\n|\Z")
_MARKER = re.compile(r"\[\[[^\[\]]{0,80}\]\]?|\]\]")
_UNSEEN = re.compile(rf"[{INVISIBLE}\x00-\x08\x0b-\x1f\x7f]")


class Scan(NamedTuple):
    """`cut` a model is not shown; in `refused` nothing counts; `codes` are the warnings due."""

    cut: list[Span]
    refused: list[Span]
    codes: tuple[str, ...]

    def refuses(self, part: Span) -> bool:
        return any(part.meets(span) for span in self.refused)


def scan(text: str) -> Scan:
    """Where `text` speaks to a model, or is more than text."""
    active = _found(text, "active")
    passages = [_passage(text, span) for span in _found(text, "instruction")]
    if not passages:
        return Scan(active, active, ("active_content_removed",) if active else ())
    rest = Span(min(span.start for span in passages), len(text))
    codes = ("untrusted_instruction_detected", *(["active_content_removed"] if active else []))
    return Scan([*passages, *active], [rest, *active], codes)


def trusted(text: str) -> str:
    """What of `text` counts."""
    return without(text, scan(text).refused).strip()


def fenced(text: str, *, draw: Callable[[], str] = lambda: token_hex(8)) -> str:
    """`text` between markers that only this call has, for a prompt."""
    mark = draw()
    inside = _MARKER.sub(" ", _UNSEEN.sub("", text))
    return f"[[DATA {mark}]]\n{inside}\n[[END {mark}]]"


def _found(text: str, kind: str) -> list[Span]:
    """Each match in the source, also behind look-alike letters."""
    source = Folded(text, lines=True)
    variants = {source.text, source.text.translate(_lookalikes())}
    wanted = pattern("injection", kind)
    return [
        source.source_of(Span(*match.span()))
        for variant in variants
        for match in wanted.finditer(variant)
        if match[0].strip()
    ]


def _passage(text: str, span: Span) -> Span:
    """From the beginning of its sentence to the end of its paragraph."""
    before = [end.end() for end in _SENTENCE_ENDS.finditer(text, 0, span.start)]
    after = _PARAGRAPH_ENDS.search(text, span.end)
    return Span(before[-1] if before else 0, after.start() if after else len(text))


class _Lookalikes(dict[int, int]):
    """Letters of other scripts by the Latin ones that they look like, one for one."""

    def __missing__(self, code: int) -> int:
        plain = unicodedata.normalize("NFKC", chr(code))
        self[code] = ord(plain) if len(plain) == 1 else code
        return self[code]


@cache
def _lookalikes() -> _Lookalikes:
    theirs = "аеорсухіјѕԁһԛԝАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονα"
    ours = "aeopcyxijsdhqwABEKMHOPCTXIJSABEZHIKMNOPTYXova"
    return _Lookalikes(zip(map(ord, theirs), map(ord, ours), strict=True))
