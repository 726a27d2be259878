"""Advice: what follows from a Reading: what to find out, what to do next, and it all in a sentence.

By code and from tables: the same reading, the same advice. Questions and sentences are in the
lead's language, because they are for the lead; codes are for programs.
"""

from typing import Any

from agents.grounding.data import data
from agents.grounding.reading import Reading
from agents.grounding.scoring import PROFILE_COMPONENTS

Gap = dict[str, Any]
"""`{item, question, swing_points}`"""


def missing(reading: Reading) -> list[Gap]:
    """What to find out, by what it can change; nothing where the lead is no buyer."""
    if reading.disqualifiers:
        return []
    asked = _texts(reading, "questions")
    ledger = reading.briefing.ledger
    swings = {c.name: c.max for c in reading.components.values() if c.state == "unknown"}
    for component in reading.components.values():
        if component.name in reading.questions:
            swings.setdefault(component.name, component.max - component.points)
    found = [_gap(n, reading.questions.get(n, asked[n]), swing) for n, swing in swings.items()]
    if not (ledger.of("first_name") or ledger.of("last_name")):
        found.append(_gap("contact_name", asked["contact_name"], 0))
    if ledger.of("company_name") is None:
        found.append(_gap("company_name", asked["company_name"], 0))
    return sorted(found, key=lambda gap: -gap["swing_points"])


def next_action(reading: Reading) -> dict[str, str]:
    """`{code, why}`"""
    score = reading.score
    gaps = _gaps(reading)
    why = [f"{score.tier}: {score.score} of at most {score.score_max} points"]
    why += [f"{found.code} in {found.where}" for found in reading.disqualifiers]
    why += score.gated_by
    if gaps and not reading.disqualifiers:
        why.append(f"not known: {', '.join(gaps)}")
    return {"code": _code(reading, gaps), "why": "; ".join(why)}


def in_a_sentence(reading: Reading) -> str:
    """What can be said without a model."""
    said, names = _texts(reading, "summary"), _texts(reading, "names")
    ledger, score = reading.briefing.ledger, reading.score
    person = " ".join(v for f in ("first_name", "last_name") if (v := ledger.value(f)))
    who = [v for v in (person, ledger.value("title"), ledger.value("company_name")) if v]

    def those(*states: str) -> str:
        found = [names[c.name] for c in reading.components.values() if c.state in states]
        return ", ".join(found) or said["none"]

    return said["text"].format(
        who=", ".join(who) or said["somebody"],
        score=score.score,
        most=score.score_max,
        tier=_texts(reading, "tiers")[score.tier],
        good=those("positive", "partial"),
        bad=those("known_negative"),
        open=those("unknown"),
    )


def _code(reading: Reading, gaps: list[str]) -> str:
    codes: dict[str, str] = data("assessment")["next_actions"]
    tier = reading.score.tier
    if tier == "disqualified":
        return codes[_farewell(reading, codes)]
    if tier in codes:
        return codes[tier]
    if tier == "cold" and (fit := _cold_fit(reading)) is not None:
        return codes[fit]
    return codes["ask"] + "_or_".join(gaps[:2]) if gaps else codes["nothing_open"]


def _farewell(reading: Reading, codes: dict[str, str]) -> str:
    """Of several disqualifiers the one that stands first in the table."""
    found = {one.code for one in reading.disqualifiers}
    first = next(code for code in codes if code in found)
    erase = any(right.code == "erasure_request" for right in reading.briefing.rights)
    return "opt_out_and_erasure" if first == "opt_out" and erase else first


def _cold_fit(reading: Reading) -> str | None:
    """Why a cold lead is not asked anything; None where asking is worth it."""
    outside = any(reading.components[n].state == "known_negative" for n in PROFILE_COMPONENTS)
    asked_us = reading.briefing.verdict.basis == "request"
    if outside:
        return "no_fit_asked" if asked_us else "no_fit"
    return None if asked_us else "quiet_fit"


def _gaps(reading: Reading) -> list[str]:
    """The unknown components, in the order in which they are worth asking for."""
    order: list[str] = data("assessment")["ask_first"]
    unknown = {str(c.name) for c in reading.components.values() if c.state == "unknown"}
    return [name for name in order if name in unknown]


def _gap(item: str, question: str, swing: int) -> Gap:
    return {"item": item, "question": question, "swing_points": swing}


def _texts(reading: Reading, what: str) -> dict[str, str]:
    texts: dict[str, dict[str, str]] = data("assessment")[what]
    return texts.get(reading.briefing.language, texts["en"])
