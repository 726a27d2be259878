"""Qualification as a reader is told of it: in which order, and when the model is cut or fails."""

import json

import pytest

from agents.qualification import Qualification
from errors import UpstreamError
from providers.base import Text
from tests.agents.models import (
    AS_OF,
    LEADS,
    good_answer,
)
from tests.agents.qualifying import components, qualified
from tests.agents.reference import codes, fields, gathered, model, prose, result, run

pytestmark = pytest.mark.anyio


def half_an_answer(entry):
    """It breaks off inside a quote."""
    text = json.dumps(good_answer(entry))
    return text[: text.index("our month-end close went") + 10]


async def test_what_code_knows_goes_out_before_the_model_is_asked():
    events = await qualified(good_answer(LEADS["lead_01"]), LEADS["lead_01"]["lead"])
    before = events[: [e["type"] for e in events].index("route")]
    known = fields(before)
    assert known["facts"][0]["id"] == "F1"
    assert known["contact_policy"]["email"] == "allowed"
    assert (known["pre_score"]["score"], known["pre_score"]["tier"]) == (45, "warm")
    assert known["components[3]"]["name"] == "persona"
    assert [gap["item"] for gap in known["missing"]][:2] == ["pain", "timeline"]


async def test_the_summary_grows_and_components_come_with_their_quotes():
    events = await qualified(good_answer(LEADS["lead_01"]), LEADS["lead_01"]["lead"])
    after = events[[e["type"] for e in events].index("route") :]
    assert len([e for e in after if e["type"] == "token"]) > 3
    assert prose(after, "summary") == "Dana wrote to us and wants an answer."
    shown = fields(after)
    assert shown["components[5]"]["evidence"]["quote"].startswith("Finance is reconciling")
    assert not [name for name in shown if name.startswith("evidence")]
    end = result(events)
    last = {e["name"]: e["value"] for e in events if e["type"] == "field"}
    for number, component in enumerate(end["components"]):
        assert last[f"components[{number}]"] == component
    for name in ("score", "tier", "missing", "next_action", "confidence", "method"):
        assert last[name] == end[name]


async def test_a_cut_answer_keeps_its_finished_pieces():
    entry = LEADS["lead_01"]
    cut = half_an_answer(entry)
    events = await qualified(cut, entry["lead"])
    found = components(result(events))
    assert found["trigger"]["points"] == 5
    assert found["pain"]["points"] == 12
    assert found["metric"]["state"] == "unknown"
    assert result(events)["method"] == "llm"
    assert "cut_off" in codes(events)


async def test_a_model_that_fails_midway_is_a_fault_behind_what_it_has_finished():
    entry = LEADS["lead_01"]
    half = half_an_answer(entry)
    agent, _ = model(Qualification, Text(half), UpstreamError("gone"), lead=entry["lead"])
    events = []
    with pytest.raises(UpstreamError):
        await gathered(agent.stream_execute(Qualification.Input(as_of=AS_OF)), events)
    found = {c["name"]: c for c in fields(events).values() if isinstance(c, dict) and "max" in c}
    assert found["pain"]["points"] == 12


async def test_a_model_that_fails_before_its_first_piece_leaves_it_to_the_rules():
    agent, _ = model(Qualification, UpstreamError("gone"), lead=LEADS["lead_01"]["lead"])
    events = await run(agent, as_of=AS_OF)
    assert result(events)["method"] == "rules_only"
    assert "rules_only" in codes(events)


async def test_behind_a_reset_everything_is_said_again_and_nothing_is_kept():
    entry = LEADS["lead_01"]
    half = half_an_answer(entry)

    class Router:
        candidates = None

        async def stream_request(self, **asked):
            yield {"type": "route"}
            yield {"type": "token", "content": half}
            yield {"type": "reset", "reason": "failover", "provider": "b"}
            yield {"type": "route"}
            yield {"type": "token", "content": json.dumps(good_answer(LEADS["lead_03"]))}
            yield {"type": "complete", "metadata": {"finish_reason": "stop"}}

    agent, _ = model(Qualification, "x", lead=entry["lead"])
    agent.model_router = Router()
    events = await run(agent, as_of=AS_OF)
    at = [e["type"] for e in events].index("reset")
    again = events[at + 1 :]
    assert fields(again)["facts"] == fields(events[:at])["facts"]
    assert fields(again)["pre_score"]["score"] == 45
    assert prose(again, "summary") == "Morgan wrote to us and wants an answer."
    assert result(events)["score"] == 45
    assert result(events)["summary"] == "Morgan wrote to us and wants an answer."


@pytest.mark.parametrize(
    "answer", ["I would say that this is a hot lead.", "{}", "[1, 2", '{"a": ']
)
async def test_an_answer_without_anything_in_it_is_none(answer):
    events = await qualified(answer, LEADS["lead_01"]["lead"])
    found = result(events)
    assert (found["method"], found["score"]) == ("rules_only", 45)
    assert found["summary"].startswith("Dana Okafor, VP Finance")
