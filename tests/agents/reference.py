"""Reference leads, and models that answer as they are told, for the tests of agents."""

import json
from datetime import UTC, datetime

from agents.base import Context
from routing.receipt import Receipt
from tests.routing.fakes import Fake, free, router_of, whole

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)

HOT = {
    "first_name": "Dana",
    "last_name": "Okafor",
    "email": "dana.okafor@brightquill.example",
    "title": "VP Finance",
    "company_name": "Brightquill Software, Inc.",
    "domain": "brightquill.example",
    "country": "US",
    "industry": "b2b software",
    "employee_count": 420,
    "language": "en",
    "source": "demo_request",
    "consent": {"basis": "inquiry", "obtained_at": "2026-11-18T15:02:11Z", "text": "Contact me"},
    "notes": "We moved two of our five products to usage-based pricing in September and our "
    "month-end close went from 4 days to 9. Finance is reconciling usage from three spreadsheets "
    "by hand. We need to be live before our fiscal year starts on February 1, 2027.",
    "created_at": "2026-11-18T15:02:11Z",
}
"""She has asked for a demo. Her facts are F1 to F11; F9 is her company's 420 people."""

WARM = {
    "first_name": "Ingrid",
    "last_name": "Solbakk",
    "email": "ingrid.solbakk@skarvnes.example",
    "title": "Head of Revenue Operations",
    "company_name": "Skarvnes Analytics AS",
    "country": "NO",
    "industry": "b2b software",
    "employee_count": 130,
    "language": "en",
    "source": "webinar",
    "consent": {"basis": "opt_in", "obtained_at": "2026-11-01T09:12:00Z", "text": "Send me more"},
    "notes": "Asked in the webinar chat: 'How do you deal with customers who overshoot their "
    "committed volume? We do true-ups by hand every quarter and customers dispute them.'",
    "created_at": "2026-11-05T16:40:00Z",
}

COLD = {
    "first_name": "Morgan",
    "last_name": "Teel",
    "email": "morgan.teel@pellworth.example",
    "title": "Office Manager",
    "company_name": "Pellworth Dental Group",
    "country": "US",
    "industry": "dental clinics",
    "employee_count": 35,
    "language": "en",
    "source": "list_import",
    "notes": "List import 2026-10. No interaction recorded.",
}

COMPETITOR = {
    "first_name": "Callum",
    "email": "callum@metermint.example",
    "company_name": "MeterMint Ltd",
    "country": "GB",
    "industry": "b2b software",
    "employee_count": 60,
    "language": "en",
    "source": "contact_form",
    "consent": {"basis": "inquiry"},
    "notes": "We build usage metering for SaaS companies ourselves and I'm preparing a comparison "
    "page. Could you send your full price list and your roadmap deck?",
}

SPARSE = {
    "email": "ops@tallgrass.example",
    "domain": "tallgrass.example",
    "source": "newsletter_signup",
    "consent": {"basis": "opt_in", "text": "newsletter"},
}

OPTED_OUT = {
    "first_name": "Maribel",
    "email": "maribel.quintana@cobalt-harbor.example",
    "title": "CTO",
    "company_name": "Cobalt Harbor Systems S.L.",
    "country": "ES",
    "industry": "developer tools",
    "language": "es",
    "source": "list_import",
    "source_detail": "CSV 'devtools-eu-2026-09.csv', supplied by an event organiser",
    "messages": [
        {"role": "agent", "text": "Hola Maribel, ¿cómo gestionan hoy la facturación?"},
        {
            "role": "lead",
            "text": "Por favor, dejen de escribirme y borren mis datos. Quiero saber de dónde "
            "sacaron mi correo.",
        },
    ],
    "created_at": "2026-09-14T12:00:00Z",
}


def qualified(tier, pain=None):
    """What a qualification found: budget and authority are open, all else is known."""

    def component(name, state, evidence=None):
        return {"name": name, "points": 0, "max": 10, "state": state, "evidence": evidence}

    quote = pain and {"kind": "quote", "ref": "notes", "quote": pain}
    return {
        "score": 50,
        "score_max": 70,
        "coverage": 80,
        "tier": tier,
        "summary": "",
        "components": [
            component("pain", "positive" if pain else "known_negative", quote),
            component("budget", "unknown"),
            component("authority", "unknown"),
        ],
        "missing": [
            {"item": "budget", "question": "Is there money?", "swing_points": 10},
            {"item": "authority", "question": "Who signs?", "swing_points": 10},
        ],
    }


def model(kind, *answer, lead=None, lead_id=None, database=None, missing=None):
    """An agent whose only model gives this answer: words, chunks, faults, or one dict as JSON.

    Returns the agent and the model, which keeps what it was asked.
    """
    if len(answer) == 1 and isinstance(answer[0], dict | str):
        text = json.dumps(answer[0]) if isinstance(answer[0], dict) else answer[0]
        answer = whole(*(text[at : at + 7] for at in range(0, len(text), 7)))
    fake = Fake("told", list(answer) or whole("{}"), missing=missing)
    router = router_of(fake, catalog={"told": {"prior": free(speed=1000)}})
    receipt = Receipt(kind.task_type, router.candidates.prices)
    context = Context("ex_1", database, lead, lead_id)
    return kind(router.bound(receipt, kind.options()), context), fake


async def run(agent, **said):
    """Every event of an answer."""
    return [e async for e in agent.stream_execute(agent.Input(**said))]


async def gathered(answer, events):
    """Into `events`, also those before the error that ends an answer."""
    async for event in answer:
        events.append(event)


def fields(events):
    return {e["name"]: e["value"] for e in events if e["type"] == "field"}


def codes(events):
    """The codes of the warnings."""
    return [e["code"] for e in events if e["type"] == "warning"]


def prose(events, field=None):
    """What a reader has read of one field, or of all."""
    tokens = [e for e in events if e["type"] == "token"]
    return "".join(e["content"] for e in tokens if field in (None, e.get("field")))


def result(events):
    """The result, of an answer that has ended well."""
    assert [e["type"] for e in events].count("complete") == 1
    assert events[-1]["type"] == "complete"
    return events[-1]["result"]


def written(events):
    """All that a reader is shown, as one text: warnings and the receipt apart."""
    shown = [e for e in events if e["type"] in ("token", "field", "complete")]
    return json.dumps([{k: v for k, v in e.items() if k != "metadata"} for e in shown])
