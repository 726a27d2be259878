"""Several agents on one stream: in order, at once, behind a gate, and one end for all."""

from itertools import pairwise

import pytest

from tests.serving import events, is_problem, numbered, rows, types, words
from tests.workflows.dropped import (
    BLUNT,
    STEPS,
    ended,
    resume,
    says,
    serve_trial,
    start,
    state,
    steps,
    text_of,
    try_to_start,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_trial(tmp_path_factory.mktemp("trial"), **BLUNT) as server:
        yield server


def run(server, **body):
    started = start(server, **body)
    return started, server.read(started["stream_id"])


def test_a_workflow_is_one_file(server):
    listed = {w["workflow"]: w for w in server.http.get("/api/workflows").json()["items"]}
    assert listed["trial"]["version"] == 1
    assert listed["trial"]["steps"][0] == {"step": "find", "needs": []}
    assert listed["trial"]["steps"][-1] == {"step": "close", "needs": ["write", "draw"]}


def test_steps_run_in_their_order_on_one_stream(server):
    started, body = run(server, input={"draw": says("a b")})
    told = events(body)
    assert told[0]["type"] == "start"
    assert told[0]["workflow_id"] == told[0]["stream_id"] == started["stream_id"]
    assert [number for number, _ in numbered(body)] == list(range(1, len(told) + 1))
    assert types(body)[-1] == "complete"
    assert not {"start", "complete", "error", "stopped"} & set(types(body)[1:-1])
    order = steps(body)
    assert order[:5] == [
        ("find", "started"),
        ("find", "done"),
        ("judge", "started"),
        ("judge", "done"),
        ("write", "started"),
    ]
    assert order[-2:] == [("close", "started"), ("close", "done")]
    assert all(order.index((s, "done")) < order.index(("close", "started")) for s in STEPS[:-1])


def test_every_event_of_an_agent_names_its_step(server):
    _, body = run(server)
    for event in events(body):
        if event["type"] in ("route", "token", "field", "warning"):
            assert event["step"] in STEPS
    assert {text_of(body, step) for step in STEPS} == {"one two three"}


def test_steps_that_need_nothing_of_each_other_interleave(server):
    slow = says(words(20), pace_ms=10)
    _, body = run(server, input={"write": slow, "draw": slow})
    of = [
        e["step"] for e in events(body) if e["type"] == "token" and e["step"] in ("write", "draw")
    ]
    assert sum(a != b for a, b in pairwise(of)) > 10
    assert text_of(body, "write") == text_of(body, "draw") == words(20)


def test_a_result_is_told_with_the_end_of_its_step_and_given_to_who_needs_it(server):
    _, body = run(server, input={"find": {"score": 71}})
    assert ended(body)["find"]["result"] == {"score": 71, "company": "Acme"}
    told = [e["value"] for e in events(body) if e["type"] == "field" and e["step"] == "judge"]
    assert told == ["71"]
    whole = events(body)[-1]["result"]
    assert whole["failed"] == []
    assert whole["steps"]["find"]["result"] == {"score": 71, "company": "Acme"}
    assert all(step["state"] == "done" for step in whole["steps"].values())


def test_the_receipt_is_that_of_all_steps(server):
    started, body = run(server)
    whole = events(body)[-1]["metadata"]
    each = [step["metadata"] for step in ended(body).values()]
    assert len(whole["attempts"]) == len(each) == 5
    for name in ("input_tokens", "output_tokens", "total_cost_usd"):
        assert whole[name] == sum(metadata[name] for metadata in each)
    assert sorted(a["ms"] for a in whole["attempts"]) == sorted(
        a["ms"] for metadata in each for a in metadata["attempts"]
    )
    shown = state(server, started["workflow_id"])
    assert shown["status"] == "completed"
    assert shown["metadata"] == whole
    assert [s["metadata"] for s in shown["steps"]] == each
    executions = [server.execution(step["execution_id"]) for step in shown["steps"]]
    assert {e["stream_id"] for e in executions} == {started["stream_id"]}
    assert {e["status"] for e in executions} == {"success"}
    assert [e["agent_type"] for e in executions] == list(STEPS)


def test_behind_a_closed_gate_all_is_skipped_and_says_why(server):
    _, body = run(server, input={"judge": {"score": 41}})
    for step in ("write", "draw", "close"):
        assert ended(body)[step]["state"] == "skipped"
        assert ended(body)[step]["why"] == "A score of 60 is needed, 41 was found."
    assert types(body)[-1] == "complete"
    assert events(body)[-1]["result"]["steps"]["close"]["state"] == "skipped"


def test_who_does_not_need_a_step_that_fails_goes_on(server):
    started, body = run(server, input={"write": says("a b c", fail_after=1)})
    told = ended(body)
    assert told["write"]["state"] == "failed"
    assert told["write"]["error"]["code"] == "upstream_reset"
    assert told["draw"]["state"] == "done"
    assert told["close"]["state"] == "skipped"
    assert told["close"]["why"].startswith("It needs write, which failed:")
    end = events(body)[-1]
    assert (end["type"], end["result"]["failed"]) == ("complete", ["write"])
    shown = {s["step"]: s for s in state(server, started["workflow_id"])["steps"]}
    assert shown["write"]["why"] == told["write"]["why"]
    assert server.execution(shown["write"]["execution_id"])["status"] == "failed"


def test_where_nothing_is_left_to_show_it_ends_as_an_error(server):
    started, body = run(server, input={"find": says("a b", fail_after=0)})
    end = events(body)[-1]
    assert (end["type"], end["error"]["code"]) == ("error", "upstream_reset")
    assert {e["state"] for s, e in ended(body).items() if s != "find"} == {"skipped"}
    assert state(server, started["workflow_id"])["status"] == "failed"


def test_a_later_step_that_refuses_is_skipped_with_its_reason(server):
    _, body = run(server, input={"draw": {"refuse": "conflict"}, "write": {"refuse": "invalid"}})
    assert ended(body)["draw"]["state"] == "skipped"
    assert ended(body)["draw"]["why"] == "Nobody works on this lead."
    assert ended(body)["write"]["state"] == "failed"
    assert ended(body)["write"]["why"] == "There is nothing to work on."
    assert types(body)[-1] == "complete"


def test_what_the_first_step_refuses_is_not_started(server):
    before = server.count()
    answer = try_to_start(server, input={"find": {"refuse": "conflict"}})
    is_problem(answer, 409, "opted_out")
    assert server.count() == before
    assert rows(server.database, "SELECT count(*) FROM leads WHERE lead_id = 'other'") == [(0,)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"workflow": "nothing"}, 404, "unknown_workflow"),
        ({"workflow": 5}, 422, "invalid_input"),
        ({"input": {"nobody": {}}}, 422, "invalid_input"),
        ({"input": {"find": 5}}, 422, "invalid_input"),
        ({"input": {"close": {"score": "x"}}}, 422, "invalid_input"),
        ({"unknown": 1}, 422, "invalid_input"),
        ({"max_cost_usd": -1}, 422, "invalid_input"),
        ({"lead": None, "lead_id": "new"}, 404, "unknown_lead"),
    ],
    ids=str,
)
def test_bad_input_is_refused_before_anything_begins(server, body, status, code):
    before = server.count()
    is_problem(try_to_start(server, **body), status, code)
    assert server.count() == before


def test_what_is_not_there_is_a_404(server):
    is_problem(server.http.get("/api/workflows/st_nothing"), 404, "unknown_workflow")
    is_problem(resume(server, "st_nothing"), 404, "unknown_workflow")


def test_the_same_key_is_the_same_workflow(server):
    headers = {"Idempotency-Key": "once"}
    first = try_to_start(server, headers=headers)
    again = try_to_start(server, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = try_to_start(server, headers=headers, input={"find": {"score": 1}})
    is_problem(other, 422, "idempotency_key_reused")
    same = server.try_to_start(headers=headers)
    is_problem(same, 422, "idempotency_key_reused")
    server.stop(first.json()["stream_id"])


def test_executions_lists_each_step_and_no_cost_twice(server):
    _, body = run(server, lead_id="alone")
    listed = server.http.get("/api/executions?lead_id=alone").json()["items"]
    assert sorted(e["agent_type"] for e in listed) == sorted(STEPS)
    total = events(body)[-1]["metadata"]["total_cost_usd"]
    assert sum(e["total_cost_usd"] for e in listed) == total
