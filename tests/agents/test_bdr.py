"""BDR: who gets a meeting prepared, and that nothing in it stands on air."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.bdr import Bdr, BdrResult
from agents.grounding.briefing import briefing_of
from agents.grounding.lead import Lead
from agents.grounding.meeting import Meeting
from errors import Conflict
from store import executions as table
from store import results, streams
from store.database import Database
from tests.agents.reference import (
    BEGIN,
    COLD,
    COMPETITOR,
    HOT,
    OPTED_OUT,
    SPARSE,
    codes,
    fields,
    model,
    prose,
    qualified,
    result,
    run,
    written,
)

pytestmark = pytest.mark.anyio

PAIN = "Finance is reconciling usage from three spreadsheets by hand"

STEP = {
    "minute_from": 0,
    "minute_to": 10,
    "show": "Usage events that become invoice lines.",
    "say": "This is where your three spreadsheets go.",
    "tie_to": PAIN,
    "claims": ["C1"],
}

GOOD = {
    "opening": "Dana, you said that finance reconciles usage by hand. Which step hurts most?",
    "situation": {"their_words": [PAIN], "wanted_after": "A date for a second meeting."},
    "discovery": [
        {
            "question": "Has money been set aside for this?",
            "fills": "budget",
            "listen_for": "a sum, or who decides on one",
        }
    ],
    "demo_steps": [
        STEP,
        STEP | {"minute_from": 10, "minute_to": 25, "tie_to": "budget", "claims": ["C3"]},
    ],
    "skip": ["The import of files: they have not asked for it."],
    "objections": [
        {
            "trigger": "We will build it ourselves.",
            "acknowledge": "Many would like to.",
            "explore": "Who would keep it up?",
            "respond": "Plan changes in the middle of a cycle are prorated automatically.",
            "claims": ["C2"],
        }
    ],
    "close": "What would you need to see next, and who else should see it?",
    "follow_up_draft": "Thank you for your time. We spoke about the three spreadsheets.",
}


@pytest.fixture
async def database(tmp_path):
    """A database in which the lead `hot` is qualified as warm, `cold` as cold."""
    async with Database(tmp_path / "leadstream.db") as database:
        for lead_id, found in {
            "hot": qualified("warm", pain=PAIN),
            "cold": qualified("cold"),
            "sparse": qualified("insufficient_data"),
            "out": qualified("disqualified"),
        }.items():
            row = {"execution_id": f"ex_{lead_id}", "stream_id": f"st_{lead_id}"}
            row |= {
                "owner": "",
                "agent_type": "qualification",
                "lead_id": lead_id,
                "input": {},
                "options": {},
            }
            await database.write(
                streams.created(row["stream_id"], "", BEGIN),
                table.created(row, BEGIN),
                results.qualification(row["execution_id"], found, BEGIN),
            )
        yield database


async def test_what_holds_is_shown_and_stored(database):
    agent, fake = model(Bdr, GOOD, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    assert codes(events) == []
    assert prose(events, "opening") == GOOD["opening"]
    assert prose(events, "close") == GOOD["close"]
    found = result(events)
    assert found["method"] == "llm"
    assert found["situation"]["their_words"] == [{"ref": "notes", "quote": PAIN}]
    assert [step["tie_to"] for step in found["demo_steps"]] == [
        {"ref": "notes", "quote": PAIN},
        {"ref": "budget", "quote": None},
    ]
    assert found["objections"] == GOOD["objections"]
    assert BdrResult.model_validate(found).model_dump(mode="json") == found
    asked = fake.requests[0].messages[-1].content
    assert "- budget: " in asked
    assert asked.index("[[DATA") < asked.rindex(PAIN) < asked.rindex("[[END")


async def test_what_is_known_comes_before_the_model_is_asked(database):
    agent, _ = model(Bdr, GOOD, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    before = events[: [e["type"] for e in events].index("route")]
    assert [e["name"] for e in before] == ["contact_policy", "facts", "missing"]
    assert before[2]["value"].keys() == {"budget", "authority"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tie_to": "everybody has this problem"}, "untied"),
        ({"tie_to": "industry"}, "untied"),
        ({"tie_to": ""}, "untied"),
        ({"claims": ["C44"]}, "unbacked_evidence"),
        ({"say": "It costs $10 a month."}, "unbacked"),
        ({"say": "Acme Globex Corporation uses it too."}, "unbacked"),
        ({"show": "Go to www.evil.example now."}, "unbacked"),
        ({"show": "A chart <script>alert(1)</script>"}, "unbacked"),
        ({"say": "Das ist für Sie und auch für uns nicht einfach."}, "language"),
        ({"minute_to": -4}, "dropped"),
    ],
)
async def test_a_step_that_stands_on_nothing_is_dropped(database, changes, code):
    said = GOOD | {"demo_steps": [STEP | changes, STEP | {"minute_to": 25}]}
    agent, _ = model(Bdr, said, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    assert codes(events) == [code]
    assert len(result(events)["demo_steps"]) == 1
    assert "evil" not in written(events)
    assert "<script>" not in written(events)


async def test_a_question_fills_something_that_is_open(database):
    question = GOOD["discovery"][0]
    said = GOOD | {"discovery": [question | {"fills": "pain"}, question]}
    agent, _ = model(Bdr, said, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    assert codes(events) == ["unknown_item"]
    assert result(events)["discovery"] == [question]


async def test_quotes_that_nobody_said_take_their_piece_with_them(database):
    said = GOOD | {"situation": {"their_words": [PAIN, "We lose sleep"], "wanted_after": "A date."}}
    agent, _ = model(Bdr, said, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    assert codes(events) == ["unbacked_evidence"]
    assert result(events)["situation"] is None


async def test_minutes_that_do_not_add_up_are_given_out_anew(database):
    steps = [
        STEP | {"minute_from": 0, "minute_to": 10},
        STEP | {"minute_from": 20, "minute_to": 25},
    ]
    agent, _ = model(Bdr, GOOD | {"demo_steps": steps}, lead=HOT, lead_id="hot", database=database)
    events = await run(agent, minutes=45)
    assert codes(events) == ["minutes"]
    spans = [(s["minute_from"], s["minute_to"]) for s in result(events)["demo_steps"]]
    assert spans == [(0, 27), (27, 40)]
    assert fields(events)["demo_steps[1]"] == result(events)["demo_steps"][1]


@given(
    st.lists(st.tuples(st.integers(0, 480), st.integers(0, 480)), max_size=8),
    st.integers(10, 240),
)
async def test_the_minutes_of_the_steps_add_up_to_the_slot_less_five(spans, minutes):
    steps = [{"minute_from": a, "minute_to": b} for a, b in spans]
    timed = Meeting(await briefing_of(None), minutes).timed(steps)
    assert len(timed) == min(len(steps), minutes - 5)
    if timed:
        assert timed[0]["minute_from"] == 0
        assert timed[-1]["minute_to"] == minutes - 5
    assert all(step["minute_from"] < step["minute_to"] for step in timed)
    assert all(a["minute_to"] == b["minute_from"] for a, b in pairwise(timed))


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja"])
async def test_without_a_model_there_is_a_meeting_of_their_words_and_approved_claims(
    database, language
):
    lead = HOT | {"language": language}
    agent, fake = model(Bdr, lead=lead, lead_id="hot", database=database, missing="KEY")
    events = await run(agent, objections=["Too dear."])
    assert fake.calls == 0
    assert codes(events) == ["rules_only"]
    found = result(events)
    assert found["method"] == "rules_only"
    assert PAIN in found["opening"]
    assert found["demo_steps"][-1]["minute_to"] == 25
    assert all(step["claims"] for step in found["demo_steps"])
    assert [one["fills"] for one in found["discovery"]] == ["budget", "authority"]
    assert found["objections"][0]["trigger"] == "Too dear."
    assert "{" not in found["opening"] + found["close"] + found["follow_up_draft"]


async def test_by_rules_a_claim_is_shown_for_the_words_that_it_answers():
    lead = HOT | {"notes": "We do true-ups by hand. Plan changes in the middle of a cycle hurt."}
    agent, _ = model(Bdr, lead=lead, missing="KEY")
    steps = result(await run(agent))["demo_steps"]
    ties = [(step["tie_to"]["quote"] or step["tie_to"]["ref"], step["claims"]) for step in steps]
    assert ties[:2] == [
        ("We do true-ups by hand.", ["C3"]),
        ("Plan changes in the middle of a cycle hurt.", ["C2"]),
    ]
    assert [tie for tie, _ in ties[2:]] == ["pain", "metric"]


async def test_what_a_colleague_noted_is_not_called_the_leads_own_words():
    agent, _ = model(Bdr, lead=COLD, missing="KEY")
    found = result(await run(agent))
    assert COLD["notes"][:10] not in json.dumps({k: v for k, v in found.items() if k != "facts"})


@pytest.mark.parametrize(
    ("lead", "lead_id", "code", "word"),
    [
        (HOT, None, "not_qualified", "run the agent qualification"),
        (HOT, "cold", "not_qualified", "cold"),
        (SPARSE, "sparse", "not_qualified", "insufficient_data"),
        (HOT, "out", "disqualified", "disqualified"),
        (COMPETITOR, "hot", "disqualified", "competitor"),
        (OPTED_OUT, "hot", "opted_out", "objection"),
    ],
)
async def test_who_is_not_worth_a_meeting_is_refused_with_the_reason(
    database, lead, lead_id, code, word
):
    agent, _ = model(Bdr, lead=lead, lead_id=lead_id, database=database)
    with pytest.raises(Conflict, match=word) as refused:
        await agent.prepare(Bdr.Input())
    assert refused.value.code == code


async def test_a_refusal_may_be_overridden_but_not_an_objection(database):
    for lead in (COMPETITOR, HOT):
        agent, _ = model(Bdr, lead=lead, database=database)
        await agent.prepare(Bdr.Input(override=True))
    agent, _ = model(Bdr, lead=OPTED_OUT, database=database)
    with pytest.raises(Conflict):
        await agent.prepare(Bdr.Input(override=True))
    agent, _ = model(Bdr, lead=HOT, lead_id="hot", database=database)
    await agent.prepare(Bdr.Input())


async def test_an_answer_cut_in_the_middle_of_a_step_keeps_the_steps_before_it(database):
    text = json.dumps(GOOD)
    cut = text[: text.index('"minute_from": 10') + 30]
    agent, _ = model(Bdr, cut, lead=HOT, lead_id="hot", database=database)
    events = await run(agent)
    assert codes(events) == ["cut_off", "minutes"]
    assert [step["minute_to"] for step in result(events)["demo_steps"]] == [25]
    assert result(events)["close"] == ""


def test_the_reference_leads_are_leads():
    for lead in (HOT, COMPETITOR, SPARSE, OPTED_OUT):
        Lead.model_validate(lead)
