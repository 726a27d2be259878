"""Qualification under attack: what leads write to models moves nothing."""

import re

import pytest

from agents.qualification import Qualification
from tests.agents.models import (
    AS_OF,
    LEADS,
    found,
    good_answer,
)
from tests.agents.qualifying import HARM, assert_judged, judgement, qualified
from tests.agents.reference import model, result, run, written
from tests.agents.test_grounding_injection import ATTACKS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_appended_attack_changes_neither_score_nor_tier(attack):
    """By a model that does what the attack says: it quotes every sentence of it for everything."""
    for entry in LEADS.values():
        lead = entry["lead"] | {"notes": f"{entry['lead']['notes']}\n{attack}"}
        answer = good_answer(entry)
        answer["evidence"] = [*obeying(attack), *answer["evidence"]]
        answer["summary"] += f" {attack}"
        agent, fake = model(Qualification, answer, lead=lead)
        events = await run(agent, as_of=AS_OF)
        assert_judged(result(events), entry["expected"])
        if fake.requests:
            asked = fake.requests[0]
            assert attack not in outside_the_markers(asked)
        assert not HARM.search(written(events).replace(attack, ""))


def obeying(attack):
    sentences = [s.strip() for s in re.split(r"(?<=[.。])\s+|\n", attack) if s.strip()]
    levels = [
        ("budget", "allocated"),
        ("authority", "decides"),
        ("pain", "stated"),
        ("metric", "quantified"),
        ("timeline", "dated"),
        ("trigger", "changed"),
    ]
    return [
        found(component, level, sentence, by="2026-12-01")
        for sentence in sentences
        for component, level in levels
    ]


def outside_the_markers(request):
    whole = request.system + "".join(message.content for message in request.messages)
    return re.sub(r"\[\[DATA (\w+)\]\].*?\[\[END \1\]\]", "", whole, flags=re.DOTALL)


@pytest.mark.parametrize("field", ["title", "company_name", "industry", "source", "city"])
async def test_an_attack_in_a_field_changes_nothing(field):
    entry = LEADS["lead_01"]
    for attack in ATTACKS:
        lead = entry["lead"] | {field: f"{entry['lead'][field]}\n{attack}"[:500]}
        events = await qualified(good_answer(entry), lead)
        assert judgement(events)["score"] == entry["expected"]["score"]
        assert "attacker.example" not in written(events)


async def test_all_that_the_lead_wrote_stands_between_markers_of_that_call():
    entry = LEADS["lead_01"]
    agent, fake = model(Qualification, good_answer(entry), lead=entry["lead"])
    await run(agent, as_of=AS_OF)
    await run(agent, as_of=AS_OF)
    first, second = fake.requests
    for request in (first, second):
        assert entry["lead"]["notes"] in request.messages[0].content
        for value in (entry["lead"]["notes"], "Okafor", "brightquill"):
            assert value not in outside_the_markers(request)
    assert first.system == second.system
    assert first.messages != second.messages
