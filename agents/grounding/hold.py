"""The Hold: prose goes out as it comes, but for words that could do harm where nothing backs them.

A link, an address, a percentage, mark-up or an amount of money is held until its end and shown only
where a fact, a quote, a claim or an allowed URL has it; else `[…]` stands in its place and a
`warning` says so, without repeating it. A number is held until it is clear that it is none of
these. What was shown of a word before it turned out to be one of them cannot be taken back.
"""

import re
from collections.abc import Iterable
from functools import cache

from agents.grounding.data import data
from agents.grounding.figures import SIGNS, currency, domain, figures_in
from agents.grounding.verifier import Backing, Event, warning

MOST_HELD = 200
"""Characters after which a word that does not end is judged as it is, and so many at a time."""

INSTEAD = "[…]"

_DENSE = "\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that put no space between words: every character ends the word before it."""

_WORD = re.compile(rf"[^\s{_DENSE}]+")
_NEXT = re.compile(rf"(\s?)([^\s{_DENSE}]+|[円万億])?(.?)", re.DOTALL)
_COUNTS = re.compile(rf"[^\w\s]*\d|[A-Z]{{0,3}}[{SIGNS}]")
_TAG = re.compile(r"<[a-zA-Z!/?][^>]*(>?)|!\[[^\]]*(?:\]\(?[^)\s]*(\)?))?")
_BEGINS = re.compile(r"\w\.\w|^\W*(?:https?|www)$", re.IGNORECASE)
_PLAIN_WORD = r"((?!https?:?\Z|\S*www\.?\Z)[A-ZÀ-Þ]?(?:[a-zß-öø-ÿ][a-zß-öø-ÿ'’*_~-]*\d*)?[.,;:?]?)"
_PLAIN = re.compile(rf"\s*+{_PLAIN_WORD}(?:\s++{_PLAIN_WORD})*")
"""Words that are nothing but words, the last one perhaps not at its end: most of what is said. It
takes nothing back: thirty blanks before a `$` would else be divided in a billion ways."""

_MARKS = ".,;:!?"


class Hold:
    """The gate of one prose field: `take` its words as they come, then `end`."""

    def __init__(self, path: str, backing: Backing) -> None:
        self._path = path
        self._backing = backing
        self._held = ""
        self._shown = ""
        """What is out already of the word that goes on; the end of it, for one that is endless."""
        self._swallowing = False
        self._out: list[str] = []
        self._cut = 0

    def take(self, words: str) -> Iterable[Event]:
        """What may be shown now: a `token`, and a `warning` for each word that was left out."""
        if not self._held and not self._swallowing:
            # White space ends the word that was going on.
            plain = _PLAIN.fullmatch(words if words[:1].isspace() else self._shown + words)
            if plain is not None:
                self._shown = plain[plain.lastindex or 1][-MOST_HELD:]  # the last word
                return ({"type": "token", "content": words},)
        self._held += words
        return self._settled(ended=False)

    def end(self) -> Iterable[Event]:
        """Release or drop what is held: nothing follows."""
        return self._settled(ended=True)

    def _settled(self, *, ended: bool) -> list[Event]:
        while self._held and self._step(ended):
            pass
        text = "".join(self._out)
        events: list[Event] = [{"type": "token", "content": text}] if text else []
        detail = f"{self._path}: something that no fact, quote or claim backs was left out"
        events += [warning("unbacked", detail)] * self._cut
        self._out, self._cut = [], 0
        return events

    def _step(self, ended: bool) -> bool:
        """Decide on what comes first; False to wait for more."""
        word = _WORD.match(self._held)
        if word is None:
            self._release(1)
            self._shown, self._swallowing = "", False
            return True
        if self._swallowing:
            self._held = self._held[word.end() :]
            return True
        length = self._unit(word.end(), ended)
        if length is None and len(self._held) < MOST_HELD:
            return False
        length = length or word.end()
        goes_on = length == len(self._held) and not ended
        self._swallowing = not self._judge(length) and goes_on
        return True

    def _unit(self, word: int, ended: bool) -> int | None:
        """How much belongs together with the first word, of `word` characters; None for unknown
        yet."""
        said = self._shown + self._held[:word]
        tag = _TAG.search(self._held, 0, MOST_HELD)
        if tag is not None and tag.start() < word:
            return self._tagged(tag, word, ended)
        if _COUNTS.match(said) or _is_code(said):
            return self._counted(word, ended)
        whole = ended or word < len(self._held)
        return word if whole or not (_risky(said) or _BEGINS.search(said)) else None

    def _tagged(self, tag: re.Match[str], word: int, ended: bool) -> int | None:
        """Mark-up has its own end, white space or not."""
        if tag[1] or tag[2]:
            return max(word, tag.end())
        return len(self._held) if ended or len(self._held) >= MOST_HELD else None

    def _counted(self, word: int, ended: bool) -> int | None:
        """A number or a currency, with what makes an amount or a percentage of it."""
        end = word
        for _ in range(2):
            beside = _NEXT.match(self._held, end)
            assert beside is not None
            if not ended and not beside[3]:
                return None
            if beside[2] is None or not _counts_on(beside[2]):
                break
            end = beside.end(2)
        out = len(self._shown)
        found = [f for f in figures_in(self._shown + self._held[:end]) if f.start < out + word]
        sums = [f for f in found if f.kind in ("amount", "percentage")]
        return max([word, *(f.start + len(f.text) - out for f in sums)])

    def _judge(self, length: int) -> bool:
        """Show what has come to its end, or what stands in its place."""
        text = self._held[:length]
        said = self._shown + text
        if not _risky(said) or self._backing.backs_words(said.strip(f"()[]\"'“”„{_MARKS}")):
            self._shown = said[-MOST_HELD:]
            self._release(length)
            return True
        opens, after = text.startswith("("), _punctuation(text)
        before = "(" if opens else " " if self._shown.endswith("!") else ""
        if text.count("(") == text.count(")") and not opens:
            after = after.replace(")", "")
        self._out.append(f"{before}{INSTEAD}{after}")
        self._cut += 1
        self._shown = ""
        self._held = self._held[length:]
        return False

    def _release(self, length: int) -> None:
        self._out.append(self._held[:length])
        self._held = self._held[length:]


def _punctuation(word: str) -> str:
    """What stands behind a word and is no part of it, a bracket that closes included."""
    inner = word.removeprefix("(")
    bare = inner.rstrip(_MARKS).removesuffix(")").rstrip(_MARKS)
    return inner[len(bare) :]


def _risky(word: str) -> bool:
    return _risk().search(word) is not None


def _is_code(word: str) -> bool:
    return len(word) <= MOST_HELD and _code().fullmatch(word) is not None


def _counts_on(word: str) -> bool:
    """Whether a word beside a number belongs to it: a currency, a sign, a multiple, a number."""
    bare = word.strip(f"()[]{_MARKS}").casefold()
    found = any(f.kind in ("amount", "percentage", "number") for f in figures_in(word))
    return found or _is_code(word) or bare in data("figures")["multiples"] or bare[:1] in "%％"


@cache
def _code() -> re.Pattern[str]:
    return re.compile(rf"\W*(?:{currency()})\W*")


@cache
def _risk() -> re.Pattern[str]:
    """What makes a word one that must be backed."""
    beside = rf"(?:{currency()})\s?\d|\d(?:\s?[A-Za-z万億]{{1,9}})?\s?(?:{currency()})"
    return re.compile(
        rf"://|www\.|[@＠%％<＜]|!\[|[{SIGNS}]\s?\d|\d\s?[{SIGNS}]|{beside}|{domain()}"
    )
