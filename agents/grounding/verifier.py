"""The verifier: what of a model's words has something behind it.

A Backing is everything that may be relied on: facts, what the lead wrote, approved claims, allowed
URLs. Pieces with a type are checked before they are shown; prose goes through a Hold, word by word,
and is judged as a whole when it has ended. Pure: the same words, the same verdict.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

from agents.grounding.dates import Mention, dates_in
from agents.grounding.facts import Ledger
from agents.grounding.figures import Figure, figures_in
from agents.grounding.folding import Span, folded
from agents.grounding.language import language_of, names_in, primary
from agents.grounding.seller import SellerProfile

Event = dict[str, Any]

_ID = re.compile(r"(?<![A-Za-z0-9])([FC]\d{1,4})(?![A-Za-z0-9])")
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_ASKS = re.compile(r"[?？]")


SHOWN = 5
"""How many unbacked words a warning names; it is not looked for more."""


class Quote(NamedTuple):
    """A quote as it stands in its source. A later one has the greater `place`."""

    ref: str
    text: str
    place: tuple[int, int]


def warning(code: str, detail: str) -> Event:
    return {"type": "warning", "code": code, "detail": detail}


class Backing:
    """What stands behind an agent's words about one lead.

    `also` are further texts that back words: an input's own numbers, the minutes of a slot.
    """

    def __init__(self, ledger: Ledger, profile: SellerProfile, also: Iterable[str] = ()) -> None:
        self.ledger = ledger
        self.profile = profile
        self._texts = (
            *(str(fact.value) for fact in ledger.facts),
            *(text.trusted for text in ledger.texts),
            *(claim.text for claim in profile.approved_claims),
            *profile.allowed_urls,
            *also,
        )

    def quote(self, said: str, *, by_lead: bool = True) -> Quote | None:
        """Where `said` stands, as it stands there; None where no text that counts has it.

        `by_lead`: our own side's messages and research do not count.
        """
        wanted = said.strip().strip("\"“”„«»'‘’…").strip()
        texts = self.ledger.said_by_lead if by_lead else self.ledger.texts
        for text in texts:
            for start, end in text.places(wanted):
                place = (self.ledger.texts.index(text), start)
                return Quote(text.name, text.text[start:end], place)
        return None

    def why_no_quote(self, said: str) -> str:
        """What is wrong with a quote that `quote` did not find."""
        for text in self.ledger.texts:
            if next(text.folded.find(said), None) is None:
                continue
            if text.speaker != "lead":
                return f"{text.name} was not said by the lead"
            return f"it stands in a part of {text.name} that speaks to the model"
        return "no text of the lead has it"

    def knows(self, ref: str) -> bool:
        """Whether a cited id exists: a fact, a claim or a text."""
        found = self.ledger.fact(ref) or self.profile.claim(ref) or self.ledger.text(ref)
        return found is not None

    def unknown_ids(self, text: str) -> list[str]:
        """The ids that a text cites and nothing has."""
        return [ref for ref in _ID.findall(text) if not self.knows(ref)]

    def unbacked(self, text: str, language: str | None = None) -> list[str]:
        """The figures, dates and names in a text that nothing stands behind; for typed pieces."""
        figures = [
            figure.text for figure in figures_in(_ID.sub(" ", text)) if not self.backs(figure)
        ]
        return [*figures, *self.unbacked_dates(text), *self.unbacked_names(text, language)]

    def unbacked_numbers(self, text: str) -> Iterator[str]:
        if not _DIGIT.search(text):
            return
        for figure in figures_in(_ID.sub(" ", text)):
            if figure.kind == "number" and not self.backs(figure):
                yield figure.text

    def unbacked_dates(self, text: str) -> Iterator[str]:
        for said in dates_in(text):
            if not any(said.agrees(known) for known in self._dates):
                yield "-".join(str(part) for part in said if part is not None)

    def unbacked_names(self, text: str, language: str | None = None) -> Iterator[str]:
        """Names with a word that stands in no fact, text, claim or profile."""
        for name in names_in(text, language):
            if not _words(name) <= self._vocabulary:
                yield name

    def backs(self, figure: Figure) -> bool:
        """Whether something known has this figure; mark-up never has."""
        return (figure.kind, figure.norm) in self._figures

    def backs_words(self, words: str) -> bool:
        """Whether a held word may be shown: all its figures are known, or it stands as it is."""
        figures = [figure for figure in figures_in(words) if figure.kind != "number"]
        if figures:
            return all(self.backs(figure) for figure in figures)
        wanted = folded(words)
        return any(_stands_in(wanted, text) for text in self._folded)

    @cached_property
    def _figures(self) -> frozenset[tuple[str, str]]:
        found = {(f.kind, f.norm) for text in self._texts for f in figures_in(text)}
        # An amount that is known is a number that is known, and so is a percentage.
        numbers = {("number", norm.split(" ")[-1]) for kind, norm in found if kind != "link"}
        return frozenset(found | numbers)

    @cached_property
    def _dates(self) -> tuple[Mention, ...]:
        return tuple(mention for text in self._texts for mention in dates_in(text))

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        return tuple(folded(text) for text in self._texts)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        profile = self.profile
        about = [profile.company, profile.product, profile.one_liner, profile.postal_address or ""]
        if profile.sender is not None:
            about += [profile.sender.name, profile.sender.role or ""]
        return frozenset(word for text in (*self._texts, *about) for word in _words(text))


def judged(
    path: str,
    prose: str,
    backing: Backing,
    *,
    language: str | None = None,
    most_words: int | None = None,
    asks: int | None = None,
) -> list[Event]:
    """What is to be said of a prose field that has ended; its text stays."""
    wanted, spoken = primary(language), language_of(prose)
    found: list[Event] = []
    figures = chain(backing.unbacked_numbers(prose), backing.unbacked_dates(prose))
    if numbers := [*islice(figures, SHOWN)]:
        found.append(warning("unbacked_number", f"{path}: {', '.join(numbers)}"))
    if names := [*islice(backing.unbacked_names(prose, spoken or wanted), SHOWN)]:
        found.append(warning("unbacked_name", f"{path}: {', '.join(names)}"))
    if wanted and spoken not in (None, wanted):
        found.append(warning("language", f"{path} is in {spoken}, not in {wanted}"))
    if most_words is not None and (count := words_in(prose)) > most_words:
        found.append(warning("too_long", f"{path} has {count} words, not at most {most_words}"))
    if asks is not None and (count := len(_ASKS.findall(prose))) > asks:
        found.append(warning("too_many_asks", f"{path} asks {count} things, not {asks}"))
    return found


def words_in(text: str) -> int:
    """Words; in a script that leaves no space between them, two characters are one."""
    dense = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text))
    return len(re.sub(r"[\u3040-\u30ff\u3400-\u9fff]", " ", text).split()) + dense // 2


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def _stands_in(wanted: str, text: str) -> bool:
    """Whether `text` has it as a whole, not as part of a longer word."""
    at = text.find(wanted)
    while at >= 0:
        part = Span(at, at + len(wanted))
        if not (_joins(text, part.start) or _joins(text, part.end)):
            return True
        at = text.find(wanted, at + 1)
    return False


def _joins(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
