"""Figures: what in a text is an amount, a percentage, a number or a link, in one form for each.

`$120k`, `USD 120,000` and `120 000 US$` are one amount: whoever compares what was written with what
is known compares these. Pure, and without a language of its own.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Literal, NamedTuple

from agents.grounding.data import data

Kind = Literal["amount", "percentage", "number", "link", "markup"]

SIGNS = "$€£¥₹₽₩₺₴₫฿₪￥￡¢"
_NUMBER = r"(?<!\d)\d++(?:[.,'’\u00a0\u202f ]\d{3}(?!\d)){0,9}(?:[.,]\d++)?"
"""It begins where digits do, gives none back and has an end: thousands are gone over once."""

_ADDRESS = "[A-Za-z0-9._+%-]*"
_REST = r"[!#-;=?-~]*"
"""The characters that addresses are made of: what else stands around one is no part of it."""


class Figure(NamedTuple):
    """`norm` is equal for equal figures; `text` is as it stands, from `start`."""

    kind: Kind
    norm: str
    text: str
    start: int


def figures_in(text: str) -> Iterator[Figure]:
    """Every figure of a text, in order; the number in an amount is no number of its own."""
    for found in _figure().finditer(text):
        kind = found.lastgroup
        if kind == "link":
            yield Figure("link", link(found[0]), found[0], found.start())
        elif kind == "markup":
            yield Figure("markup", found[0], found[0], found.start())
        elif kind == "percentage":
            yield Figure(
                "percentage", _value(found[0].rstrip("%％ \u00a0")), found[0], found.start()
            )
        elif kind == "number":
            yield Figure("number", _value(found[0]), found[0], found.start())
        else:
            yield Figure("amount", _amount(found[0]), found[0], found.start())


def link(text: str) -> str:
    """A link or an address as it is compared: without case, scheme and what stands around it."""
    bare = text.strip("<>()[]{}\"'`,;:!?.。、").casefold()
    return re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", bare)


@cache
def currency() -> str:
    """A currency's sign, code or name, as a regular expression."""
    codes = data("figures")["currency_codes"].replace(" ", "|")
    return rf"(?:[A-Z]{{1,3}})?[{SIGNS}]|\b(?:{codes})\b|(?:{codes})(?=\d)|円|ドル|ユーロ"


@cache
def domain() -> str:
    """A host name without a scheme: only where it ends as host names do."""
    ends = data("figures")["top_level_domains"].replace(" ", "|")
    labels = r"(?<![a-zA-Z0-9.-])(?:[a-zA-Z0-9-]{1,63}\.){1,9}"
    return rf"{labels}(?:{ends})\b(?!\.\w)(?:[/?:#]{_REST})?"


@cache
def _figure() -> re.Pattern[str]:
    multiple = "|".join(sorted(data("figures")["multiples"], key=len, reverse=True))
    sized = rf"{_NUMBER}(?:\s?(?i:{multiple})(?![a-z]))?"
    return re.compile(
        rf"(?P<link>(?<![A-Za-z0-9._+%-]){_ADDRESS}(?:://|www\.|@){_REST}|{domain()})"
        r"|(?P<markup><[a-zA-Z!/?][^<>]{0,500}>?|!\[[^\]]{0,200}\]?(?:\([^)]{0,500}\)?)?)"
        rf"|(?P<percentage>{_NUMBER}\s?[%％])"
        rf"|(?P<amount>(?:{currency()})\s?{sized}|{sized}\s?(?:{currency()}))"
        rf"|(?P<number>(?<![A-Za-z0-9_.,]){_NUMBER})"
    )


def _amount(text: str) -> str:
    """Currency and value: `$ 120000`."""
    number = re.search(_NUMBER, text)
    assert number is not None
    sign = re.search(currency(), text)
    assert sign is not None
    multiple = (text[: number.start()] + text[number.end() :]).replace(sign[0], "", 1)
    power = data("figures")["multiples"].get(multiple.strip().casefold(), 0)
    names = data("figures")["currency_names"]
    return f"{names.get(sign[0].strip(), sign[0].strip())} {_value(number[0], power)}"


def _value(text: str, power: int = 0) -> str:
    """A number as digits: `1,200.50` and `1.200,50` are 1200.5, times ten to the `power`."""
    digits = re.sub(r"[\s\u00a0\u202f'’]", "", text)
    digits = re.sub(r"[.,](?=\d{3}(?!\d))", "", digits).replace(",", ".")
    try:
        return format((Decimal(digits).scaleb(power)).normalize(), "f")
    except InvalidOperation:
        return digits
