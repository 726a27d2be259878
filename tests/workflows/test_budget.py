"""One budget for all steps: nobody spends what another needs, and what exists at the cap stays."""

import pytest

from tests.serving import events
from tests.upstream.faults import Endless
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import serve_vendors
from tests.workflows.dropped import dropped, ended, resume, start, state

TOKEN = 0.00001
"""At least what one costs: an answer is cut within one of its budget."""

SPENT = "The budget of the workflow is spent."


@pytest.fixture(scope="module")
def vendors():
    with FakeVendors() as vendors:
        yield vendors


@pytest.fixture(scope="module")
def server(vendors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("budget")
    (folder / "dropped").mkdir()
    with dropped(folder / "dropped"), serve_vendors(folder, vendors.env()) as server:
        yield server


def run(server, **body):
    started = start(server, workflow="pair", provider="claude", **body)
    return started, server.read(started["stream_id"])


def test_steps_that_run_at_once_stay_within_the_budget_together(server, vendors):
    vendors.fails("claude", Endless(), Endless())
    started, body = run(server, max_cost_usd=0.002)
    end = events(body)[-1]
    assert (end["type"], end["reason"]) == ("stopped", "budget")
    assert [(e["state"], e["why"]) for e in ended(body).values()] == [("skipped", SPENT)] * 3
    assert 0.0015 < end["metadata"]["total_cost_usd"] <= 0.002 + 2 * TOKEN
    assert state(server, started["workflow_id"])["status"] == "stopped"
    vendors.wait_for(lambda: not vendors.open_sockets)


def test_what_exists_at_the_cap_stays_and_the_rest_can_be_done_later(server, vendors):
    vendors.fails("claude", Endless())
    started, body = run(server, max_cost_usd=0.002)
    told = ended(body)
    assert sorted(told[step]["state"] for step in ("write", "draw")) == ["done", "skipped"]
    assert (told["close"]["state"], told["close"]["why"]) == ("skipped", SPENT)
    end = events(body)[-1]
    assert end["type"] == "complete"
    assert end["metadata"]["total_cost_usd"] <= 0.002 + 2 * TOKEN
    again = resume(server, started["workflow_id"]).json()
    whole = events(server.read(again["stream_id"]))[-1]["result"]["steps"]
    assert {step["state"] for step in whole.values()} == {"done"}


def test_what_one_does_not_spend_is_left_for_the_next(server, vendors):
    started, body = run(server)
    assert {e["state"] for e in ended(body).values()} == {"done"}
    steps = state(server, started["workflow_id"])["steps"]
    total = sum(step["total_cost_usd"] for step in steps)
    assert events(body)[-1]["metadata"]["total_cost_usd"] == pytest.approx(total)
