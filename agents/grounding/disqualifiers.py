"""Disqualifiers: who is no buyer, found by rules in code before a model reads anything.

A rule quotes the clause that it goes by. What stands in a passage that speaks to a model counts for
nothing here, an opt-out excepted: see `rights`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from agents.grounding.addresses import domain_of
from agents.grounding.data import data, pattern
from agents.grounding.facts import FreeText, Ledger
from agents.grounding.folding import Span, folded
from agents.grounding.rights import Right
from agents.grounding.seller import DisqualifierCode, SellerProfile

_TEXT_RULES: tuple[DisqualifierCode, ...] = (
    "student_or_research",
    "vendor_pitch",
    "existing_customer_support",
)


class Disqualifier(NamedTuple):
    """`where` is the text, or the field, that `quote` stands in."""

    code: DisqualifierCode
    quote: str
    where: str


def disqualifiers_of(
    ledger: Ledger, profile: SellerProfile, rights: Iterable[Right]
) -> list[Disqualifier]:
    """All that rules find, each code once; an opt-out always, others where the seller has them.

    Who wants to be forgotten wants no offer either.
    """
    final = [right for right in rights if right.code != "source_request"]
    objections = (Disqualifier("opt_out", right.quote, right.where) for right in final)
    found: dict[DisqualifierCode, Disqualifier] = {}
    for one in (*objections, *_by_fields(ledger, profile), *_by_texts(ledger, profile)):
        if one.code == "opt_out" or one.code in profile.disqualifiers:
            found.setdefault(one.code, one)
    return list(found.values())


def _by_fields(ledger: Ledger, profile: SellerProfile) -> Iterator[Disqualifier]:
    country = ledger.value("country")
    if country in data("disqualifiers")["sanctioned_countries"]:
        yield Disqualifier("sanctioned_country", country, "country")
    for field in ("domain", "website", "email"):
        value = ledger.value(field)
        domain = domain_of(value)
        if domain in profile.competitors:
            yield Disqualifier("competitor", value, field)
        if domain in profile.customers:
            yield Disqualifier("existing_customer_support", value, field)


def _by_texts(ledger: Ledger, profile: SellerProfile) -> Iterator[Disqualifier]:
    for text in ledger.said_by_lead:
        found: list[tuple[DisqualifierCode, Span | None]] = [
            ("competitor", _sells_the_same(text, profile)),
            ("competitor", _first(text, pattern("disqualifiers", "competitor"))),
            *((code, _first(text, pattern("disqualifiers", code))) for code in _TEXT_RULES),
            ("existing_customer_support", _first(text, _uses(profile.product))),
        ]
        for code, span in found:
            if span is not None:
                yield Disqualifier(code, _clause(text.text, span), text.name)


def _sells_the_same(text: FreeText, profile: SellerProfile) -> Span | None:
    """Where the lead says that it makes for others what the seller makes: who builds it for its
    own use is a buyer."""
    ours = _words_of(f"{profile.product} {profile.one_liner}")
    terms = [folded(term).casefold() for term in profile.product_terms]
    for match in pattern("disqualifiers", "makes").finditer(text.folded.text):
        said = match[0].casefold()
        same = len(ours & _words_of(said)) >= 2 or any(term in said for term in terms)
        span = text.folded.source_of(Span(*match.span()))
        to_sell = pattern("disqualifiers", "for_others").search(said) is not None
        if same and to_sell and not text.scan.refuses(span):
            return span
    return None


def _first(text: FreeText, rule: re.Pattern[str]) -> Span | None:
    for match in rule.finditer(text.folded.text):
        span = text.folded.source_of(Span(*match.span()))
        if not text.scan.refuses(span):
            return span
    return None


def _clause(text: str, span: Span) -> str:
    """The clause around the beginning of a match, without what follows an `and`."""
    ends = list(pattern("disqualifiers", "clause_ends").finditer(text))
    start = max((end.end() for end in ends if end.end() <= span.start), default=0)
    stop = min((end.start() for end in ends if end.start() > span.start), default=len(text))
    if stop < span.start + 8:
        stop = span.end
    return text[start:stop].strip()


def _words_of(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]{4,}", text.casefold())
    return frozenset(words) - frozenset(data("disqualifiers")["generic_words"].split())


@cache
def _uses(product: str) -> re.Pattern[str]:
    """That somebody works with the seller's product already."""
    written = r"\s+".join(re.escape(word) for word in product.split())
    rules = (rule.replace(" ", r"\s+") for rule in data("disqualifiers")["uses_product"].values())
    return re.compile(
        "|".join(f"(?:{rule})" for rule in rules).replace("{product}", written), re.IGNORECASE
    )
