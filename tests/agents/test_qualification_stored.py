"""Qualification on a server: what is streamed is what is stored, and both at once."""

import json

import pytest

from store import results
from tests.agents.models import AS_OF, LEADS
from tests.inside import inside
from tests.serving import events, is_problem

pytestmark = pytest.mark.anyio


async def started(leadstream, entry, **more):
    body = {"lead": entry["lead"], "as_of": AS_OF, **more}
    return await leadstream.http.post("/api/agents/qualification/stream", json=body)


async def test_without_a_model_it_still_answers_and_the_result_is_stored_with_the_end(tmp_path):
    async with inside(tmp_path, providers="claude") as leadstream:
        answer = await started(leadstream, LEADS["lead_01"])
        said = events(answer.content)
        assert said[-1]["type"] == "complete"
        end = said[-1]["result"]
        assert (end["method"], end["score"], end["tier"]) == ("rules_only", 45, "warm")
        assert "rules_only" in [e.get("code") for e in said]
        lead_id = said[0]["lead_id"]
        database = leadstream.house.database
        assert await results.newest_qualification(database, "", lead_id) == end
        row = await database.row("SELECT * FROM qualification_results")
        assert row["execution_id"] == said[0]["execution_id"]
        assert row["lead_id"] == lead_id
        assert (row["score"], row["tier"], row["reasoning"]) == (45, "warm", end["summary"])
        assert json.loads(row["components"]) == end["components"]


async def test_an_answer_that_repeats_the_prompt_has_answered_nothing(tmp_path):
    async with inside(tmp_path) as leadstream:
        said = events((await started(leadstream, LEADS["lead_09"])).content)
        end = said[-1]["result"]
        assert (end["score"], end["tier"]) == (19, "cold")
        shown = json.dumps([e for e in said if e["type"] in ("token", "field", "complete")])
        for harm in LEADS["lead_09"]["expected"]["must_not_appear_in_outputs"]:
            assert harm not in shown


async def test_the_newest_result_is_the_one_that_counts(tmp_path):
    async with inside(tmp_path, providers="claude") as leadstream:
        lead_id = events((await started(leadstream, LEADS["lead_01"])).content)[0]["lead_id"]
        await started(leadstream, LEADS["lead_01"], notes="We are a competitor of yours.")
        found = await results.newest_qualification(leadstream.house.database, "", lead_id)
        assert found["tier"] == "disqualified"
        assert await results.newest_qualification(leadstream.house.database, "", "nobody") is None


async def test_who_has_opted_out_is_refused(tmp_path):
    async with inside(tmp_path, providers="claude") as leadstream:
        lead = LEADS["lead_01"]["lead"] | {"opted_out": True}
        body = {"lead": lead}
        answer = await leadstream.http.post("/api/agents/qualification/execute", json=body)
        is_problem(answer, 409, "opted_out")
        nobody = await leadstream.http.post(
            "/api/agents/qualification/execute", json={"lead": {"first_name": "Dana"}}
        )
        is_problem(nobody, 422, "invalid_input")
