"""The workflow new_lead, by the agents as they are: a model fills in one form, rules the others."""

import json

import pytest

from tests.agents.models import LEADS, good_answer
from tests.serving import events, types
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import serve_vendors
from tests.workflows.dropped import ended, start, state

HOT = next(entry for entry in LEADS.values() if entry["expected"]["tier"] == "hot")
STEPS = ("enrichment", "qualification", "growth", "marketing", "bdr")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new_lead")
    with FakeVendors() as vendors:
        vendors.says("claude", [json.dumps(good_answer(HOT))])
        with serve_vendors(folder, vendors.env()) as server:
            yield server


def run(server, lead, lead_id):
    started = start(server, workflow="new_lead", lead=lead, lead_id=lead_id, provider="claude")
    body = server.read(started["stream_id"])
    assert types(body)[-1] == "complete"
    return started, ended(body), body


def test_a_lead_that_is_worth_the_time_gets_a_meeting_prepared(server):
    started, told, body = run(server, HOT["lead"], "hot")
    states = {step: e["state"] for step, e in told.items()}
    assert states == dict.fromkeys(STEPS, "done"), [e["why"] for e in told.values()]
    assert told["qualification"]["result"]["tier"] == "hot"
    quotes = told["qualification"]["result"]["components"]
    words = [one["evidence"]["quote"] for one in quotes if one["evidence"]]
    theirs = told["bdr"]["result"]["situation"]["their_words"]
    assert any(quote in json.dumps(theirs, ensure_ascii=False) for quote in words if quote)
    assert events(body)[-1]["metadata"]["total_cost_usd"] > 0
    assert state(server, started["workflow_id"])["status"] == "completed"


def test_for_another_the_gate_is_closed_and_says_why(server):
    _, told, _ = run(server, {"email": "ada@firm.example", "first_name": "Ada"}, "cold")
    score, tier = (told["qualification"]["result"][name] for name in ("score", "tier"))
    for step in ("growth", "marketing", "bdr"):
        assert told[step]["state"] == "skipped"
        assert f"is {tier} with a score of {score};" in told[step]["why"]
