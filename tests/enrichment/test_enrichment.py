"""The enrichment agent: known facts first, what each source adds, conflicts, misses, then prose."""

import json
from dataclasses import replace

import pytest

from agents.enrichment import Enrichment, EnrichmentResult
from agents.grounding.sources.base import FIELDS
from errors import Conflict, Invalid, Reset
from tests.agents.reference import HOT, OPTED_OUT, codes, fields, model, prose, result, run, written
from tests.enrichment.conftest import Desk, desk_of
from tests.enrichment.fakes import company, person, told

pytestmark = pytest.mark.anyio

EMAIL = "dana.okafor@brightquill.example"
LEAD = {
    "email": EMAIL,
    "first_name": "Dana",
    "employee_count": 300,
    "company_name": "brightquill software",
    "notes": "Her margin is 35%, see https://notes.example.",
    "created_at": "2026-11-18T15:02:11Z",
}
SAYS = "Dana Okafor is VP Finance at Brightquill Software."


@pytest.fixture(autouse=True)
def known(fakes):
    fakes.people[EMAIL] = person()
    fakes.companies["brightquill.example"] = company()


def agent_of(desk, *answer, lead=LEAD, **options):
    """The agent with a model that says this, and the sources of the desk."""
    agent, fake = model(
        Enrichment, *answer, lead=lead, lead_id="lead", database=desk.database, **options
    )
    agent.context = replace(agent.context, sources=desk.sources)
    return agent, fake


async def enriched(desk, *answer, lead=LEAD, **said):
    agent, _ = agent_of(desk, *(answer or (SAYS,)), lead=lead)
    return await run(agent, sources=["apollo"], **said)


async def test_known_facts_come_first_then_each_field_as_it_lands_then_the_prose(desk):
    events = await enriched(desk)
    names = [e.get("name") or e["type"] for e in events]
    assert names[0] == "facts"
    assert names.index("fields.first_name") < names.index("providers[0]")
    assert names.index("providers[0]") < names.index("fields.industry")
    assert names.index("fields.industry") < names.index("providers[1]")
    assert names.index("fields.title") < names.index("not_found") < names.index("route")
    assert prose(events, "profile_text") == SAYS
    assert codes(events) == []


async def test_every_field_says_where_it_comes_from(desk):
    found = result(await enriched(desk))
    own = {"source": "lead record", "retrieved_at": "2026-11-18T15:02:11+00:00"}
    apollo = {"source": "apollo", "retrieved_at": desk.now.isoformat(), "confidence": 0.8}
    expected = {
        "first_name": own | {"value": "Dana", "confidence": 1, "status": "confirmed"},
        "employee_count": own | {"value": 300, "confidence": 1, "status": "conflict"},
        "title": apollo | {"value": "VP Finance", "status": "single_source"},
        "domain": {
            "value": "brightquill.example",
            "source": "lead record",
            "retrieved_at": None,
            "confidence": 0.98,
            "status": "confirmed",
        },
    }
    assert {name: found["fields"][name] for name in expected} == expected
    assert found["not_found"] == ["phone"]
    assert (found["status"], found["credits_spent"], found["method"]) == ("partial", 2, "llm")
    assert EnrichmentResult.model_validate(found).model_dump(mode="json") == found
    assert "STALE" not in json.dumps(found)


async def test_what_the_user_knows_is_never_overwritten_and_what_differs_is_shown(desk):
    events = await enriched(desk)
    conflict = {
        "field": "employee_count",
        "kept": {"value": 300, "source": "lead record"},
        "other": {"value": 420, "source": "apollo"},
    }
    assert result(events)["conflicts"] == [conflict]
    assert fields(events)["conflicts[0]"] == conflict
    assert result(events)["fields"]["company_name"]["status"] == "confirmed"


async def test_only_the_fields_that_are_wanted_are_bought(desk, fakes):
    found = result(await enriched(desk, fields=["title", "first_name"]))
    assert [r.path for r in fakes.requests] == ["/api/v1/people/match"]
    assert (found["status"], found["credits_spent"]) == ("complete", 1)
    assert "industry" not in found["fields"]


async def test_what_is_known_is_not_bought(desk, fakes):
    found = result(await enriched(desk, fields=["first_name", "employee_count"]))
    assert fakes.requests == []
    assert (found["status"], found["credits_spent"]) == ("complete", 0)


@pytest.mark.parametrize(("most", "matches"), [
    (0, ["skipped", "skipped"]), (1, ["found", "skipped"]), (2, ["found", "found"])
])  # fmt: skip
async def test_no_more_is_spent_than_is_allowed(desk, fakes, most, matches):
    found = result(await enriched(desk, max_credits=most))
    assert [row["match"] for row in found["providers"]] == matches
    assert found["credits_spent"] == most == len(fakes.requests)
    assert found["status"] == "partial"


async def test_who_knows_nobody_says_so_and_nothing_is_invented(desk, fakes):
    fakes.people.clear()
    fakes.companies.clear()
    found = result(await enriched(desk))
    assert (found["status"], found["credits_spent"]) == ("no_match", 0)
    own = {"email", "first_name", "employee_count", "company_name", "domain"}
    assert found["fields"].keys() == own
    assert found["not_found"] == [name for name in FIELDS if name not in own]


async def test_a_source_that_fails_is_no_miss(desk, fakes):
    fakes.fails(*[told({"error": "bad"}, 422)] * 2)
    found = result(await enriched(desk))
    assert found["status"] == "partial"
    assert {row["match"] for row in found["providers"]} == {"failed"}
    assert "refused" in found["providers"][0]["why"]


async def test_without_a_key_there_are_the_known_facts_and_no_guess(tmp_path, fakes):
    desk = Desk()
    async with desk_of(desk, tmp_path, {}):
        agent, _ = agent_of(desk, SAYS)
        events = await run(agent)
    assert codes(events)[:3] == ["not_configured"] * 3
    assert fakes.requests == []
    found = result(events)
    assert (found["status"], found["providers"], found["credits_spent"]) == (
        "not_configured",
        [],
        0,
    )
    assert found["fields"].keys() == {
        "email",
        "first_name",
        "employee_count",
        "company_name",
        "domain",
    }
    assert found["fields"]["domain"]["status"] == "derived"


async def test_the_model_is_shown_the_fields_and_nothing_else(desk):
    agent, fake = agent_of(desk, SAYS)
    await run(agent, sources=["apollo"])
    (asked,) = fake.requests
    prompt = asked.messages[0].content
    assert "title = VP Finance (apollo, 2026-11-20)" in prompt
    assert "margin" not in prompt


async def test_what_nothing_backs_is_left_out_of_the_prose(desk):
    bad = "Dana pays 35% at https://notes.example and <b>Globex</b> has 77 people."
    events = await enriched(desk, bad)
    assert codes(events).count("unbacked") >= 3
    for word in ("35%", "notes.example", "<b>"):
        assert word not in written(e for e in events if e.get("name") != "facts")
    assert "unbacked_number" in codes(events)
    assert result(events)["profile_text"] == prose(events, "profile_text")


async def test_without_a_model_the_fields_stand_as_a_table(desk):
    agent, fake = agent_of(desk, missing="KEY")
    events = await run(agent, sources=["apollo"])
    assert (fake.calls, codes(events)) == (0, ["rules_only"])
    found = result(events)
    assert found["method"] == "rules_only"
    assert "title: VP Finance (apollo)" in found["profile_text"].splitlines()
    assert found["profile_text"] == prose(events, "profile_text")


async def test_a_model_that_breaks_takes_nothing_away_of_what_was_paid_for(desk):
    events = await enriched(desk, "Dana", " Okafor", Reset("gone"))
    found = result(events)
    assert codes(events) == ["cut_off"]
    assert (found["profile_text"], found["method"]) == ("Dana Okafor", "llm")
    assert found["fields"]["title"]["value"] == "VP Finance"


async def test_nobody_looks_up_who_has_objected(desk, fakes):
    agent, _ = agent_of(desk, SAYS, lead=OPTED_OUT)
    with pytest.raises(Conflict, match="objection"):
        await agent.prepare(agent.Input())


@pytest.mark.parametrize("said", [{"fields": ["salary"]}, {"sources": ["linkedin"]}])
async def test_what_there_is_not_cannot_be_asked_for(desk, said):
    agent, _ = agent_of(desk, SAYS, lead=HOT)
    with pytest.raises(Invalid, match="Unknown"):
        await agent.prepare(agent.Input(**said))


async def test_a_late_answer_that_comes_in_time_is_in_the_stream(desk, fakes):
    agent, _ = agent_of(desk, SAYS)
    events = []
    async for event in agent.stream_execute(agent.Input(sources=["clay"])):
        events.append(event)
        if event["type"] == "route":
            clay = desk.sources.all["clay"]
            await desk.sources.take(clay, fakes.callback_id(), {"title": "CFO", "city": ""})
    assert fields(events)["providers[0]"]["match"] == "found"
    assert fields(events)["fields.title"]["value"] == "CFO"
    found = result(events)
    assert found["status"] == "partial"
    assert "title" not in found["not_found"]
    assert "city" in found["not_found"]


async def test_a_late_answer_that_has_not_come_leaves_it_pending(desk, fakes):
    agent, _ = agent_of(desk, SAYS)
    found = result(await run(agent, sources=["clay"]))
    assert found["status"] == "pending"
    assert fakes.callback_id() not in json.dumps(found)
    assert found["credits_spent"] == 1


async def test_the_dearer_source_is_asked_for_the_rest_only(desk, fakes):
    agent, _ = agent_of(desk, SAYS)
    found = result(await run(agent, max_credits=3, fields=["title", "phone"]))
    assert [(r["name"], r["match"]) for r in found["providers"]] == [
        ("apollo", "found"),
        ("clay", "pending"),
    ]
    found = result(await run(agent_of(desk, SAYS)[0], max_credits=3, fields=["title"]))
    assert [row["name"] for row in found["providers"]] == ["apollo"]
