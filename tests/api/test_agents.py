"""The agents in one call: `/stream` answers with the events at once, `/execute` waits."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import events, frames, is_problem, script, serve, text, types, words

STREAM = "/api/agents/conversation/stream"
EXECUTE = "/api/agents/conversation/execute"
FOUND = {
    "conversation_id", "method", "stage", "intent", "claims_used", "facts_learned", "handoff",
    "summary",
}  # fmt: skip


def test_the_agents_are_listed_with_what_they_take_and_give(server):
    listed = server.http.get("/api/agents").json()
    assert listed["next_cursor"] is None
    agents = {item["agent_type"]: item for item in listed["items"]}
    conversation = agents["conversation"]
    assert conversation["input"]["properties"].keys() >= {"message", "conversation_id"}
    assert conversation["input"]["required"] == ["message"]
    assert conversation["output"]["properties"].keys() == FOUND
    assert conversation["needs_lead"] is False


def test_one_call_starts_an_execution_and_answers_with_its_events(server):
    answer = server.http.post(STREAM, json={"message": script(words(5))})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    start = events(answer.content)[0]
    assert start["stream_id"] == answer.headers["x-stream-id"]
    assert start["execution_id"] == answer.headers["x-execution-id"]
    assert text(answer.content) == words(5)
    assert frames(server.read(start["stream_id"])) == frames(answer.content)


def test_a_call_that_breaks_off_is_followed_on_under_its_streams_id(server):
    message = {"message": script(words(20), pace_ms=5)}
    with server.http.stream("POST", STREAM, json=message) as answer:
        stream_id = answer.headers["x-stream-id"]
    assert text(server.read(stream_id)) == words(20)


def test_a_lead_without_an_id_is_the_one_with_its_address_or_a_new_one(server):
    def lead_id(**lead):
        answer = server.http.post(STREAM, json={"message": "hello", "lead": lead})
        return events(answer.content)[0]["lead_id"]

    first = lead_id(email="Dora@acme.example")
    assert lead_id(email="dora@ACME.example", first_name="Dora") == first
    assert lead_id(email="emil@acme.example") != first
    assert lead_id() != lead_id()


def test_a_lead_may_be_named_and_need_not_be_in_a_conversation(server):
    server.start(lead_id="frida")
    for lead_id in ("frida", None):
        answer = server.http.post(STREAM, json={"message": "hello", "lead_id": lead_id})
        assert events(answer.content)[0]["lead_id"] == lead_id


def test_execute_waits_and_answers_with_the_whole(server):
    answer = server.http.post(EXECUTE, json={"message": script(words(7))})
    assert answer.status_code == 200
    done = answer.json()
    assert done.keys() == {"execution_id", "status", "text", "result", "metadata"}
    assert done["status"] == "success"
    assert done["text"] == words(7)
    assert done["result"].keys() == FOUND
    end = events(server.read(answer.headers["x-stream-id"]))[-1]
    assert done["metadata"] == end["metadata"]
    assert done["result"] == end["result"]


def test_a_receipt_has_the_same_fields_whoever_answers(server):
    metadata = server.http.post(EXECUTE, json={"message": script(words(7))}).json()["metadata"]
    assert metadata.keys() == {
        "provider", "model", "task_type", "input_tokens", "output_tokens", "total_cost_usd",
        "latency_ms", "ttft_ms", "tokens_per_second", "cached_input_tokens", "reasoning_tokens",
        "finish_reason", "usage_source", "attempts",
    }  # fmt: skip
    assert metadata["provider"] == "scripted"
    assert metadata["output_tokens"] == 7
    assert metadata["usage_source"] == "reported"
    (attempt,) = metadata["attempts"]
    assert attempt["outcome"] == "ok"
    assert attempt["output_tokens"] == 7


def test_execute_answers_a_stop_with_what_there_was(server):
    same = {
        "json": {"message": script(words(300), pace_ms=20)},
        "headers": {"idempotency-key": "waits and is stopped"},
    }
    with ThreadPoolExecutor(1) as waiting:
        waits = waiting.submit(server.http.post, EXECUTE, **same)
        with server.http.stream("POST", STREAM, **same) as follows:
            server.stop(follows.headers["x-stream-id"])
    answer = waits.result()
    assert answer.status_code == 200
    assert answer.json()["status"] == "stopped"
    assert words(300).startswith(answer.json()["text"].strip())


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A server whose breaker has too little to go by to open."""
    with serve(tmp_path_factory.mktemp("failing"), retry_attempts=0) as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "status"),
    [("upstream_reset", 502), ("upstream_idle", 504), ("upstream_throttled", 429)],
)
def test_a_vendors_fault_is_a_problem_that_names_the_execution(failing, fault, status):
    answer = failing.http.post(
        EXECUTE, json={"message": script(words(5), fail_after=2, fault=fault)}
    )
    problem = is_problem(answer, status, fault)
    execution = failing.execution(problem["execution_id"])
    assert execution["status"] == "failed"
    assert execution["text"].split() == ["w1", "w2"]
    assert execution["error"]["code"] == fault
    body = failing.read(execution["stream_id"])
    assert types(body) == ["start", "field", "route", "token", "token", "error"]
    assert events(body)[-1]["error"] == execution["error"]


@pytest.mark.parametrize("path", [STREAM, EXECUTE])
def test_a_field_at_fault_is_named_where_it_stands_in_the_body(server, path):
    problem = is_problem(server.http.post(path, json={"message": 5}), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == ["/message"]


def test_a_place_that_no_stream_has_is_refused_before_anything_is_started(server):
    before = server.count()
    answer = server.http.post(STREAM + "?after=x", json={"message": "hello"})
    is_problem(answer, 400, "bad_event_id")
    assert server.count() == before
