"""Language: which one a text is in, and which of its words are names. Rules, and only hints."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain

from agents.grounding.data import data

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LETTERS = re.compile(r"\w+")
_ENOUGH = 1000
_JAPANESE = re.compile(r"[\u3040-\u30ff]")
_CAPITALISED = re.compile(
    # The look behind stands behind the first letter: the engine finds letters by a table.
    r"[^\W\d_a-z](?<![\w@./][^a-z])[\w&’'-]*(?: [^\W\d_a-z][\w&’'-]*)*(?: \d[\d.]*)?"
)
_BEFORE_A_SENTENCE = '.!?:;。！？•–—"“„«(-'


@lru_cache(maxsize=8)
def words_of(text: str) -> frozenset[str]:
    """All that stands in it as a word or a number, casefolded. Of one reply several rules ask."""
    return frozenset(_LETTERS.findall(text.casefold()))


def primary(language: str | None) -> str | None:
    """`de-AT` is `de`."""
    return None if language is None else language.split("-")[0].lower()


def language_of(text: str) -> str | None:
    """The language of a text by the most common words of its beginning; None where they do not
    say."""
    text = text[:_ENOUGH]
    if len(_JAPANESE.findall(text)) > len(text) / 20:
        return "ja"
    common = _common_words()
    counted = Counter(
        chain.from_iterable(common.get(w, ()) for w in _WORD.findall(text.casefold()))
    )
    (language, most), (_, second) = [*counted.most_common(2), ("", 0), ("", 0)][:2]
    return language if most >= 3 and most > second else None


def names_in(text: str, language: str | None) -> Iterator[str]:
    """What is written as names are. In German every noun is: there a name is of two words."""
    least = 2 if language == "de" else 1
    for found in _CAPITALISED.finditer(text):
        words = found[0].split(" ")
        if _begins(text, found.start()) and all(_is_common(word) for word in words[1:]):
            continue
        named = [word for word in words if not _is_common(word)]
        if len(named) >= least and any(c.isalpha() for c in "".join(named)):
            yield " ".join(named)


def _begins(text: str, at: int) -> bool:
    """Whether a sentence or a line begins there."""
    before = text[:at].rstrip()
    return not before or before[-1] in _BEFORE_A_SENTENCE or "\n" in text[len(before) : at]


def _is_common(word: str) -> bool:
    return word.strip("'’&-") in _not_names() or len(word) < 2


@cache
def _common_words() -> dict[str, list[str]]:
    """The languages in which a word is one of the most common."""
    languages = defaultdict(list)
    for language, common in data("language")["common_words"].items():
        for word in set(common.split()):
            languages[word].append(language)
    return dict(languages)


@cache
def _not_names() -> frozenset[str]:
    words = f"{data('language')['not_names']} {data('figures')['currency_codes']}"
    return frozenset(words.split())
