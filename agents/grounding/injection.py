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
from functools import cache, lru_cache
from secrets import token_hex
from typing import NamedTuple

from agents.grounding.data import patterns
from agents.grounding.folding import INVISIBLE, Folded, Span, without

CUT = "[removed]"
"""Stands in a prompt where a passage was taken out."""

_SENTENCE_ENDS = re.compile(r"[.!?]\s|[。！？]")
_PARAGRAPH_ENDS = re.compile(r"\n\s*\n|\Z")
_DOUBLED = re.compile(r"([\[\]])\1+")
_UNSEEN = re.compile(rf"[{INVISIBLE}\x00-\x08\x0b-\x1f\x7f]")


class Scan(NamedTuple):
    """`cut` a model is not shown; in `refused` nothing counts; `codes` are the warnings due."""

    cut: list[Span]
    refused: list[Span]
    codes: tuple[str, ...]

    def refuses(self, part: Span) -> bool:
        return any(part.meets(span) for span in self.refused)


@lru_cache(maxsize=512)
def scan(text: str) -> Scan:
    """Where `text` speaks to a model, or is more than text."""
    active = _found(text, "active")
    passages = _passages(text, _found(text, "instruction"))
    if not passages:
        return Scan(active, active, ("active_content_removed",) if active else ())
    rest = Span(passages[0].start, len(text))
    codes = ("untrusted_instruction_detected", *(["active_content_removed"] if active else []))
    return Scan([*passages, *active], [rest, *active], codes)


def trusted_value(value: str) -> str:
    """What of a field's value counts: what stands before anything that speaks to a model. A value
    is no sentence, so nothing of it is lost with what is appended."""
    spoken = _found(value, "instruction")
    end = (_line_of(value, spoken[0].start) or spoken[0].start) if spoken else len(value)
    return without(value[:end], [s for s in _found(value, "active") if s.end <= end]).strip()


def fenced(text: str, *, draw: Callable[[], str] = lambda: token_hex(8)) -> str:
    """`text` between markers that only this call has, for a prompt."""
    mark = draw()
    inside = _DOUBLED.sub(r"\1", _UNSEEN.sub("", text))
    return f"[[DATA {mark}]]\n{inside}\n[[END {mark}]]"


def _found(text: str, kind: str) -> list[Span]:
    """Each match in the source, also behind look-alike letters, the first one first."""
    source = Folded(text, lines=True)
    variants = {source.text, source.text.translate(_lookalikes())}
    return sorted(
        source.source_of(Span(*match.span()))
        for variant in variants
        for wanted in patterns("injection", kind)
        for match in wanted.finditer(variant)
        if match[0].strip()
    )


def _passages(text: str, spans: list[Span]) -> list[Span]:
    """Of each the passage, to the end of its paragraph. It begins with its line, because whoever
    appends begins a new one; in a text's first line it begins with its sentence."""
    passages: list[Span] = []
    done = 0
    for span in spans:
        if span.start >= done:
            begins = _line_of(text, span.start) or _sentence_of(text, span.start)
            after = _PARAGRAPH_ENDS.search(text, span.end)
            passages.append(Span(max(begins, done), after.start() if after else len(text)))
            done = passages[-1].end
    return passages


def _line_of(text: str, at: int) -> int:
    """Where the line begins that has `at`; 0 for the first."""
    return text.rfind("\n", 0, at) + 1


def _sentence_of(text: str, at: int) -> int:
    ends = [end.end() for end in _SENTENCE_ENDS.finditer(text, 0, at)]
    return ends[-1] if ends else 0


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
