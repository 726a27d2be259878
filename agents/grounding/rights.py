"""Rights: an objection, a request for erasure, a question where data comes from.

Recognised by rules, in all languages that we have them in, before any model is asked. Unlike
evidence they count wherever in a lead's words they stand: nobody loses them by what stands around.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from agents.grounding.data import pattern
from agents.grounding.facts import FreeText
from agents.grounding.folding import Span

RightCode = Literal["opt_out", "erasure_request", "source_request"]

_CODES: tuple[RightCode, ...] = ("opt_out", "erasure_request", "source_request")


class Right(NamedTuple):
    """What was asked for, in which words; `where` names the text."""

    code: RightCode
    quote: str
    where: str


def rights_in(text: FreeText) -> tuple[Right, ...]:
    """What one text asks for; our own side's texts ask for nothing."""
    if text.speaker != "lead":
        return ()
    found = {code: span for code in _CODES if (span := _first(text, code)) is not None}
    if "opt_out" in found and "erasure_request" in found:
        found["opt_out"] = _together(text, found["opt_out"], found["erasure_request"])
    return tuple(
        Right(code, text.text[span.start : span.end], text.name) for code, span in found.items()
    )


def rights_of(texts: Iterable[FreeText]) -> tuple[Right, ...]:
    """What all texts ask for, each thing once: where it was said first."""
    found: dict[RightCode, Right] = {}
    for text in texts:
        for right in rights_in(text):
            found.setdefault(right.code, right)
    return tuple(found.values())


def _first(text: FreeText, code: RightCode) -> Span | None:
    match = pattern("rights", code).search(text.folded.text)
    return None if match is None else text.folded.source_of(Span(*match.span()))


def _together(text: FreeText, one: Span, other: Span) -> Span:
    """Two requests of one sentence are quoted as one."""
    both = Span(min(one.start, other.start), max(one.end, other.end))
    return one if any(end in text.text[both.start : both.end] for end in ".!?。") else both
