"""Starting a stream: what the answer promises, and what is refused before anything is spent."""

import json

from tests.serving import events, is_problem, rows, script, serve, types, words


def leads(server, lead_id):
    found = rows(server.database, "SELECT lead FROM leads WHERE lead_id = ?", lead_id)
    return [json.loads(lead) for (lead,) in found]


def test_a_start_answers_with_all_that_a_client_needs(server):
    answer = server.try_to_start(lead_id="Anna_1-x")
    started = answer.json()
    stream_id = started["stream_id"]
    assert answer.status_code == 201
    assert answer.headers["location"] == started["stream_url"]
    assert started == {
        "stream_id": stream_id,
        "execution_id": started["execution_id"],
        "agent_type": "conversation",
        "lead_id": "Anna_1-x",
        "stream_url": f"/api/stream/{stream_id}",
        "stop_url": f"/api/stream/stop/{stream_id}",
        "websocket_url": f"/ws/stream/{stream_id}",
    }
    assert types(server.http.get(started["stream_url"]).content)[-1] == "complete"
    assert server.http.post(started["stop_url"]).json()["status"] == "success"


def test_what_a_start_has_answered_is_on_the_disk(server):
    started = server.start(script(words(300), pace_ms=50))
    found = rows(
        server.database,
        "SELECT stream_id FROM agent_executions WHERE execution_id = ?",
        started["execution_id"],
    )
    assert found == [(started["stream_id"],)]
    server.stop(started["stream_id"])


def test_the_start_event_says_what_the_start_has_answered(server):
    started = server.start()
    first = events(server.read(started["stream_id"]))[0]
    names = ("stream_id", "execution_id", "agent_type", "lead_id")
    assert first == {"type": "start", **{name: started[name] for name in names}}


def test_a_lead_in_the_body_is_created_and_the_next_time_changed(server):
    server.start(lead_id="bea", lead={"first_name": "Bea", "company_name": "Acme"})
    server.start(lead_id="bea", lead={"company_name": "Brandt", "country": "DE"})
    assert leads(server, "bea") == [
        {"first_name": "Bea", "company_name": "Brandt", "country": "DE"}
    ]


def test_a_lead_that_is_known_need_not_be_sent(server):
    server.start(lead_id="carl", lead={"first_name": "Carl"})
    assert server.start(lead_id="carl", lead=None)["lead_id"] == "carl"


def test_an_unknown_lead_is_not_found_and_nothing_is_started(server):
    before = server.count()
    answer = server.http.post(
        "/api/stream/start/nobody", json={"agent_type": "conversation", "input": {"message": "hi"}}
    )
    is_problem(answer, 404, "unknown_lead")
    assert server.count() == before


def test_two_leads_may_have_one_address(server):
    """The path's id says who is meant."""
    lead = {"email": "sales@acme.example"}
    assert server.start(lead_id="first", lead=lead)["lead_id"] == "first"
    assert server.start(lead_id="second", lead=lead)["lead_id"] == "second"


def test_a_body_is_json_whatever_its_content_type_says(server):
    said = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        answer = server.http.post(
            "/api/stream/start/lead",
            content=json.dumps(said),
            headers={"content-type": content_type},
        )
        assert answer.status_code == 201


def test_the_paths_id_wins_over_the_one_in_the_lead(server):
    started = server.start(lead_id="path", lead={"id": "other", "email": "ada@example.com"})
    assert started["lead_id"] == "path"
    assert server.execution(started["execution_id"])["lead_id"] == "path"
    is_problem(server.try_to_start(lead_id="other", lead=None), 404, "unknown_lead")


def test_a_start_that_no_model_can_answer_tells_so_in_its_stream(server):
    started = server.start(provider="nobody")
    body = server.read(started["stream_id"])
    assert types(body)[-1] == "error"
    assert server.execution(started["execution_id"])["status"] == "failed"


def test_a_start_that_finds_no_place_is_refused_until_one_is_free(tmp_path):
    with serve(tmp_path, max_streams=1) as server:
        first = server.start(script(words(300), pace_ms=50))
        refused = server.try_to_start()
        problem = is_problem(refused, 503, "temporary-reduced-capacity")
        assert problem["retryable"] is True
        assert int(refused.headers["retry-after"]) >= 1
        server.stop(first["stream_id"])
        assert server.try_to_start().status_code == 201
        assert server.count() == 2


def test_a_refused_start_gives_its_place_back(tmp_path):
    with serve(tmp_path, max_streams=1) as server:
        for _ in range(3):
            is_problem(server.try_to_start(lead={"email": "no address"}), 422)
            is_problem(server.try_to_start(lead_id="nobody", lead=None), 404)
        assert server.try_to_start().status_code == 201
