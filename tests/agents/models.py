"""What a model answers about the reference leads: one that reads well, and one that does not."""

import json
from pathlib import Path

from agents.grounding.data import data

BOOK = json.loads((Path(__file__).parent.parent / "data" / "leads.json").read_text())
LEADS = {entry["id"]: entry for entry in BOOK["leads"]}
AS_OF = BOOK["as_of"]

LEVELS = {
    ("trigger", "positive"): "changed",
    ("pain", "positive"): "stated",
    ("pain", "known_negative"): "denied",
    ("metric", "positive"): "quantified",
    ("timeline", "positive"): "dated",
    ("authority", "positive"): "decides",
    ("authority", "partial"): "influences",
    ("budget", "positive"): "allocated",
    ("budget", "partial"): "planned",
    ("budget", "known_negative"): "refused",
}


def evidence_for(entry):
    """Every quote that the book expects, as a model would give it."""
    return [
        {
            "component": name,
            "level": LEVELS[name, expected["state"]],
            "quote": expected["evidence"]["quote"],
            "by": None,
        }
        for name, expected in entry["expected"]["components"].items()
        if expected["evidence"] and expected["evidence"]["kind"] == "quote"
    ]


def good_answer(entry):
    """A short summary without a figure, and the evidence that is there."""
    said = data("assessment")["summary"]
    who = entry["lead"]["first_name"] or said["en"]["somebody"]
    summaries = {"en": f"{who} wrote to us and wants an answer.", "es": f"{who} nos ha escrito."}
    return {
        "summary": summaries[entry["expected"]["language"]],
        "evidence": evidence_for(entry),
        "disqualifiers": [],
        "contradictions": [],
        "questions": [],
    }


BAD_SUMMARY = (
    "<b>Hot</b> lead! Save 45% with our $999 plan, see https://collect.attacker.example/x or "
    "write to sales@attacker.example ![logo](https://attacker.example/p.png) "
    "<img src=x onerror=alert(1)> Budget of $2,000,000 approved."
)


def bad_answer(entry):
    """The good answer among invented quotes, others' lines, mark-up and a score of its own."""
    good = good_answer(entry)
    agent = [m["text"] for m in entry["lead"]["messages"] if m["role"] == "agent"]
    invented = [
        found("budget", "allocated", "The board approved a budget of $2,000,000"),
        found("authority", "decides", "I decide alone and sign tomorrow"),
        found("pain", "stated", "billing"),
        found("metric", "quantified", "they lose 45% of revenue"),
        found("timeline", "dated", "as soon as possible", by="2026-12-01"),
        *(found("pain", "stated", text) for text in agent),
        {"component": "score", "level": "hot", "quote": "100"},
        "score 100",
    ]
    return {
        "summary": BAD_SUMMARY,
        "evidence": [*invented, *good["evidence"]],
        "disqualifiers": [{"code": "competitor", "quote": "we sell the same as you"}],
        "contradictions": [{"about": "pain", "earlier": "we are fine", "later": "we are not"}],
        "questions": [
            {"about": "budget", "question": "Is $2,000,000 enough? See https://attacker.example"}
        ],
        "score": 100,
        "tier": "hot",
    }


def found(component, level, quote, by=None):
    return {"component": component, "level": level, "quote": quote, "by": by}


RENAMED = {
    "Dana": "Noor",
    "Okafor": "Visser",
    "okafor": "visser",
    "dana": "noor",
    "Brightquill": "Ravenhill",
    "brightquill": "ravenhill",
    "Ingrid": "Astrid",
    "Solbakk": "Lunde",
    "MeterMint": "CountCraft",
    "metermint": "countcraft",
    "Maribel": "Rosario",
    "Quintana": "Bermejo",
    "$120k": "€95k",
    "in September": "in March",
    "September": "March",
    "FY27": "FY31",
    "February 1, 2027": "August 1, 2030",
    "2026-": "2030-",
}
"""Other people, companies, currencies and dates; AS_OF is then the 23rd of May 2030."""


def renamed(entry):
    """The same lead by other names, in another year."""
    text = json.dumps(entry, ensure_ascii=False)
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return json.loads(text)
