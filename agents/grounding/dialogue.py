"""Dialogue: what code finds in a turn of a conversation, so that no second call to a model is due.

Intent, stage, what was learnt, whether a person must take over, which claims a reply has used, and
the summary of turns that a prompt has no room for. Rules only, in the seller's languages: the same
words, the same finding. What they do not recognise is said to be nothing, and not guessed.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from agents.grounding.data import data, pattern
from agents.grounding.facts import FreeText
from agents.grounding.language import primary, words_of
from agents.grounding.lead import Lead
from agents.grounding.rights import RightCode
from agents.grounding.seller import Claim

Intent = Literal[
    "opt_out",
    "erasure_request",
    "source_request",
    "complaint",
    "human",
    "objection",
    "pricing",
    "meeting",
    "technical",
    "question",
    "thanks",
    "greeting",
    "statement",
]

Stage = Literal["opening", "discovery", "evaluation", "objection", "scheduling", "closed"]

_STAGES: dict[str, Stage] = {
    "opt_out": "closed",
    "erasure_request": "closed",
    "complaint": "objection",
    "objection": "objection",
    "pricing": "evaluation",
    "technical": "evaluation",
    "meeting": "scheduling",
    "greeting": "opening",
}

_FOR_A_PERSON: dict[str, str] = {
    "opt_out": "an objection to being written to",
    "erasure_request": "a request for erasure",
    "source_request": "a question about the origin of data",
    "complaint": "a complaint",
    "human": "asked for a person",
    "pricing": "asked about prices, which only a person may quote",
}

SUMMARY_CHARACTERS = 1500
_SAID_CHARACTERS = 160
_SHARE_OF_A_CLAIM = 0.6

_SENTENCE = re.compile(r".+?(?:[.!?。！？](?=\s|$)|[。！？]|$)", re.DOTALL)


def intents_of(text: FreeText) -> tuple[Intent, ...]:
    """All that a message wants, the weightiest first."""
    found = [
        intent
        for intent in data("dialogue")["intent"]
        if pattern("dialogue", "intent", intent).search(text.trusted)
    ]
    return tuple(found) or ("statement",)


def stage_of(intents: Sequence[Intent]) -> Stage:
    """Where a conversation stands after messages of these intents, the last one last."""
    known = [_STAGES[intent] for intent in intents if intent in _STAGES]
    last: Stage = known[-1] if known else "discovery"
    return "discovery" if last == "opening" and len(intents) > 1 else last


def learned_from(text: FreeText) -> list[dict[str, Any]]:
    """`{field, value, quote}` for what the lead says of itself; the quote as it stands there."""
    found = []
    for field in data("dialogue")["learned"]:
        for match in pattern("dialogue", "learned", field).finditer(text.text):
            value = next(group for group in match.groups() if group)
            if text.places(match[0]):
                found.append({"field": field, "value": _value(field, value), "quote": match[0]})
                break
    return found


def _value(field: str, said: str) -> Any:
    if field == "employee_count":
        return int(re.sub(r"\D", "", said))
    return " ".join(said.split()).rstrip(".,")


def handoff_of(intents: Sequence[Intent], reply: str) -> dict[str, Any]:
    """`{needed, reason}`: whether a person must take over."""
    reasons = [_FOR_A_PERSON[intent] for intent in intents if intent in _FOR_A_PERSON]
    if _leaves_open(reply):
        reasons.append("the reply leaves a question open")
    return {"needed": bool(reasons), "reason": reasons[0] if reasons else None}


def _leaves_open(reply: str) -> bool:
    """Each phrase is looked for only where the letters stand that it is listed under: few replies
    have any, and a search for letters is a fiftieth of one for a phrase."""
    said = reply.casefold()
    return any(
        letters in said and pattern("dialogue", "open_question", letters).search(reply)
        for letters in data("dialogue")["open_question"]
    )


def claims_in(reply: str, claims: Iterable[Claim]) -> list[str]:
    """The ids of those that a reply says in much the same words."""
    known = tuple(claims)
    # Stems as in `_words`: what that leaves out can be no claim's stem.
    said = {word[:6] for word in words_of(reply)} if known else set()
    return [
        claim.id
        for claim in known
        if (words := _words(claim.text)) and len(words & said) >= _SHARE_OF_A_CLAIM * len(words)
    ]


def closest(text: str, claims: Sequence[Claim]) -> Claim:
    """The claim that shares the most words with a text; of equals, the first."""
    return max(claims, key=lambda claim: len(_words(claim.text) & _words(text)))


def _words(text: str) -> set[str]:
    """Stems, roughly: a claim may be said in the plural."""
    return {word[:6] for word in words_of(text) if len(word) >= 4 and word.isalpha()}


def summary_of(turns: Sequence[tuple[str, FreeText]]) -> str:
    """The turns `(role, text)` that a prompt has no room for, the latest kept whole longest."""
    lines: list[str] = []
    room = SUMMARY_CHARACTERS
    for role, text in reversed(turns):
        gist = _gist(text.trusted)
        line = f"{'They' if role == 'user' else 'We'}: {gist}"
        if not gist:
            continue
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))


def _gist(text: str) -> str:
    """What a message begins with, or the first thing that it asks."""
    sentences = sentences_of(text) or [""]
    first = next((s for s in sentences if s.endswith(("?", "？"))), sentences[0])
    first = " ".join(first.split())
    return first if len(first) <= _SAID_CHARACTERS else f"{first[: _SAID_CHARACTERS - 1]}…"


def sentences_of(text: str) -> list[str]:
    """As they stand there, without the white space around them."""
    return [sentence for s in _SENTENCE.findall(text) if (sentence := s.strip())]


def said(language: str | None, what: str, **values: str) -> str:
    """A sentence of ours in `language` (BCP 47), in English where we have it in no other."""
    texts = data("dialogue")["texts"]
    text: str = texts.get(primary(language), texts["en"])[what]
    return text.format(**values)


def answer_to(rights: Sequence[RightCode], lead: Lead, language: str | None) -> list[str]:
    """What is said to an objection, a request for erasure, a question about the origin of data:
    sentences that are true because code makes them so."""
    sentences = []
    if "opt_out" in rights or "erasure_request" in rights:
        sentences.append(said(language, "opt_out"))
    if "erasure_request" in rights:
        sentences.append(said(language, "erasure"))
    if "source_request" in rights:
        source = source_of(lead, language)
        known = said(language, "source", source=source) if source else said(language, "no_source")
        sentences.append(known)
    return sentences


def source_of(lead: Lead, language: str | None) -> str | None:
    """Where a lead came from, as it is recorded; what was recorded in words stays as it stands."""
    names: dict[str, str] = data("dialogue")["sources"].get(lead.source or "", {})
    kind = names.get(primary(language) or "en", names.get("en", lead.source))
    source = ": ".join(part for part in (kind, lead.source_detail) if part)
    if not source or lead.created_at is None:
        return source or None
    return said(language, "recorded", source=source, date=lead.created_at.date().isoformat())
