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

Intent = Literal[
    "opt_out",
    "erasure",
    "source_request",
    "complaint",
    "human",
    "pricing",
    "objection",
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
    "erasure": "closed",
    "complaint": "closed",
    "objection": "objection",
    "pricing": "evaluation",
    "technical": "evaluation",
    "meeting": "scheduling",
    "greeting": "opening",
}

_FOR_A_PERSON: dict[str, str] = {
    "opt_out": "an objection to being written to",
    "erasure": "a request for erasure",
    "source_request": "a question about the origin of data",
    "complaint": "a complaint",
    "human": "asked for a person",
    "pricing": "asked about prices, which only a person may quote",
}

SUMMARY_CHARACTERS = 1500
_SAID_CHARACTERS = 160
_SHARE_OF_A_CLAIM = 0.6

_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r".+?(?:[.!?。！？](?=\s|$)|[。！？]|$)", re.DOTALL)


def intent_of(text: FreeText) -> Intent:
    """The weightiest thing that a message wants."""
    for intent in data("dialogue")["intent"]:
        if pattern("dialogue", "intent", intent).search(text.trusted):
            return intent  # type: ignore[no-any-return]
    return "statement"


def stage_of(intents: Sequence[Intent]) -> Stage:
    """Where a conversation stands after these messages, the last one last."""
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


def handoff_of(intent: Intent, reply: str) -> dict[str, Any]:
    """`{needed, reason}`: whether a person must take over."""
    reason = _FOR_A_PERSON.get(intent)
    if reason is None and pattern("dialogue", "open_question").search(reply):
        reason = "the reply leaves a question open"
    return {"needed": reason is not None, "reason": reason}


def claims_in(reply: str, claims: Iterable[tuple[str, str]]) -> list[str]:
    """The ids of those `(id, text)` that a reply says in much the same words."""
    said = _words(reply)
    return [
        claim_id
        for claim_id, text in claims
        if (words := _words(text)) and len(words & said) >= _SHARE_OF_A_CLAIM * len(words)
    ]


def _words(text: str) -> set[str]:
    """Stems, roughly: a claim may be said in the plural."""
    return {word.casefold()[:6] for word in _WORD.findall(text)}


def summary_of(turns: Sequence[tuple[str, FreeText]]) -> str:
    """The turns `(role, text)` that a prompt has no room for, the latest kept whole longest."""
    lines: list[str] = []
    room = SUMMARY_CHARACTERS
    for role, text in reversed(turns):
        line = f"{'They' if role == 'user' else 'We'}: {_gist(text.trusted)}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))


def _gist(text: str) -> str:
    """What a message begins with, or the first thing that it asks."""
    sentences = [" ".join(s.split()) for s in _SENTENCE.findall(text.strip())] or [""]
    first = next((s for s in sentences if s.endswith(("?", "？"))), sentences[0])
    return first if len(first) <= _SAID_CHARACTERS else f"{first[: _SAID_CHARACTERS - 1]}…"


def said(language: str | None, what: str, **values: str) -> str:
    """A sentence of ours in `language` (BCP 47), in English where we have it in no other."""
    texts = data("dialogue")["texts"]
    text: str = texts.get(primary(language), texts["en"])[what]
    return text.format(**values)


def primary(language: str | None) -> str:
    return (language or "en").split("-")[0].lower()
