"""A workflow that is stopped, left alone or too dear ends once, with one bill, and can go on."""

import pytest

from tests.serving import events, is_problem, script, types, words
from tests.upstream.faults import Endless
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import serve_vendors
from tests.workflows.dropped import (
    BLUNT,
    dropped,
    ended,
    resume,
    says,
    serve_trial,
    start,
    state,
    steps,
    text_of,
)

LONG = says(words(390), pace_ms=50)
AT_ONCE = {"write": LONG, "draw": LONG}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_trial(tmp_path_factory.mktemp("trial"), **BLUNT) as server:
        yield server


@pytest.fixture(scope="module")
def vendors():
    with FakeVendors() as vendors:
        yield vendors


def while_both_write(server, started):
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"w2 ","step":"write"').until(b'"w2 ","step":"draw"')
    return started["stream_id"]


def test_stop_ends_all_that_runs_and_skips_the_rest(server):
    started = start(server, input=AT_ONCE)
    stream_id = while_both_write(server, started)
    receipt = server.stop(stream_id)
    assert receipt["status"] == "stopped"
    body = server.read(stream_id)
    assert types(body)[-1] == "stopped"
    assert events(body)[-1]["metadata"] == receipt["metadata"]
    told = ended(body)
    assert [told[s]["state"] for s in ("write", "draw", "close")] == ["skipped"] * 3
    assert told["write"]["why"] == "It was stopped."
    outcomes = [a["outcome"] for a in receipt["metadata"]["attempts"]]
    assert outcomes == ["ok", "ok", "cancelled", "cancelled"]
    assert server.stop(stream_id) == receipt
    shown = state(server, stream_id)
    assert shown["status"] == "stopped"
    write = server.execution(shown["steps"][2]["execution_id"])
    assert (write["status"], write["text"]) == ("stopped", text_of(body, "write"))


def test_stop_closes_every_vendors_socket_at_once(vendors, tmp_path):
    (tmp_path / "dropped").mkdir()
    with dropped(tmp_path / "dropped"), serve_vendors(tmp_path, vendors.env()) as server:
        vendors.says("claude", ["Hi"])
        vendors.fails("claude", *[Endless()] * 2)
        started = start(server, workflow="pair", provider="claude")
        with server.follow(started["stream_id"]) as reading:
            reading.until(b'"step":"write"}').until(b'"step":"draw"}')
        vendors.wait_for(lambda: vendors.open_sockets == 2)
        receipt = server.stop(started["stream_id"])
        vendors.wait_for(lambda: not vendors.open_sockets)
        assert [a.client_left for a in vendors.attempts_at("claude")] == [True, True]
        assert [a["outcome"] for a in receipt["metadata"]["attempts"]] == ["cancelled"] * 2
        assert receipt["metadata"]["total_cost_usd"] > 0


def test_what_was_stopped_goes_on_from_there(server):
    stream_id = while_both_write(server, start(server, input=AT_ONCE | {"find": {"score": 77}}))
    server.stop(stream_id)
    before = server.count()
    answer = resume(server, stream_id)
    assert answer.status_code == 201
    again = answer.json()
    assert again["stream_id"] != stream_id
    same = resume(server, stream_id)
    assert (same.status_code, same.json()) == (200, again)
    while_both_write(server, again)
    server.stop(again["stream_id"])
    assert server.count() == before + 2, "only write and draw begin again"
    body = server.read(again["stream_id"])
    assert steps(body)[:2] == [("find", "done"), ("judge", "done")]
    reused = [e for e in events(body) if e.get("reused")]
    assert [e["step"] for e in reused] == ["find", "judge"]
    assert reused[0]["result"]["score"] == 77
    outcomes = [a["outcome"] for a in events(body)[-1]["metadata"]["attempts"]]
    assert outcomes == ["cancelled", "cancelled"]


def test_a_failed_step_is_tried_again_and_the_rest_reused(server):
    started = start(server, input={"write": {"script": script("a b", fail_after=1)}})
    server.read(started["stream_id"])
    again = resume(server, started["stream_id"]).json()
    body = server.read(again["stream_id"])
    assert ended(body)["draw"].get("reused")
    assert ended(body)["write"]["state"] == "failed"
    assert len(events(body)[-1]["metadata"]["attempts"]) == 1


def test_a_step_that_is_handed_results_is_handed_them_again(server):
    started = start(server, input={"judge": says("a b", fail_after=1)})
    server.read(started["stream_id"])
    body = server.read(resume(server, started["stream_id"]).json()["stream_id"])
    told = [e["value"] for e in events(body) if e["type"] == "field" and e["step"] == "judge"]
    assert told == ["80"]
    assert ended(body)["find"]["reused"]


def test_what_runs_or_is_done_is_not_begun_again(server):
    started = start(server, input=AT_ONCE)
    running = resume(server, started["stream_id"])
    assert (running.status_code, running.json()["stream_id"]) == (200, started["stream_id"])
    server.stop(started["stream_id"])
    for judged in (80, 10):
        done = start(server, input={"judge": {"score": judged}})
        server.read(done["stream_id"])
        is_problem(resume(server, done["stream_id"]), 409, "nothing_to_resume")


def test_a_workflow_that_nobody_follows_is_stopped(tmp_path):
    with serve_trial(tmp_path, abandon_after_s=0.3) as server:
        lonely, kept = start(server, input=AT_ONCE), start(server, detach=True)
        while state(server, lonely["workflow_id"])["status"] in ("pending", "running"):
            pass
        body = server.read(lonely["stream_id"])
        assert events(body)[-1]["reason"] == "abandoned"
        assert ended(body)["write"]["why"].startswith("Nobody followed it")
        while (status := state(server, kept["workflow_id"])["status"]) == "running":
            pass
        assert status == "completed"


def test_a_workflow_takes_one_place(tmp_path):
    with serve_trial(tmp_path, max_streams=1) as server:
        started = start(server, input=AT_ONCE)
        while_both_write(server, started)
        is_problem(server.try_to_start(), 503)
        server.stop(started["stream_id"])
        server.read(server.start("hello")["stream_id"])
