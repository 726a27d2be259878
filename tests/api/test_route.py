"""Routing, explained: who would answer, what is known of each, and nothing of any key."""

from tests.serving import events, is_problem, script, serve

ASK = {"task_type": "conversation", "prompt": "hello"}


def explain(server, **more):
    answer = server.http.post("/api/route/explain", json={**ASK, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def scripted(server):
    items = server.http.get("/api/providers").json()["items"]
    return next(item for item in items if item["provider"] == "scripted")


def test_explaining_shows_what_a_start_would_show_and_calls_nobody(server):
    before = server.count()
    told = explain(server)
    assert server.count() == before
    assert (told["type"], told["provider"], told["model"]) == ("route", "scripted", "script")
    route = events(server.read(server.start("hello")["stream_id"]))[2]
    assert route.keys() == told.keys()
    assert [c["verdict"] for c in route["considered"]] == ["chosen"]


def test_nobody_may_be_the_answer_and_says_why(server):
    told = explain(server, provider="claude")
    assert told["provider"] is None
    assert told["considered"][0]["why"] == "claude was asked for by name"


def test_a_bound_that_nobody_keeps_is_told(server):
    told = explain(server, max_latency_ms=0.001)
    assert told["provider"] == "scripted"
    assert "nearest" in told["reason"]
    assert explain(server, max_latency_ms=0.001, strict=True)["provider"] is None


def test_what_cannot_be_asked_is_refused(server):
    for said in [{"prompt": "x"}, {**ASK, "task_type": "x"}, {**ASK, "max_cost_usd": -1}]:
        is_problem(server.http.post("/api/route/explain", json=said), 422, "invalid_input")


def test_a_provider_shows_its_models_and_how_they_do(server):
    shown = scripted(server)
    assert shown["configured"] is True
    assert shown["gate"]["state"] == "clear"
    (model,) = shown["models"]
    assert model["breaker"]["state"] == "closed"
    assert model["usd_per_million_tokens"] == {"input": 0, "output": 0}
    assert model["estimates"]["ttft_ms"] >= 0


def test_a_vendor_without_a_key_says_what_is_missing(server):
    items = server.http.get("/api/providers").json()["items"]
    missing = {item["provider"]: item["missing"] for item in items}
    assert missing["claude"] == "ANTHROPIC_API_KEY"
    assert missing["scripted"] is None


def test_a_breaker_that_opened_is_shown_and_is_still_open_after_a_restart(tmp_path):
    with serve(tmp_path, retry_attempts=0, breaker_threshold=1, breaker_reset_s=300) as server:
        server.read(server.start(script("hello", fail_after=0))["stream_id"])
        breaker = scripted(server)["models"][0]["breaker"]
        assert (breaker["state"], breaker["changes"]) == ("open", 1)
        refused = events(server.read(server.start("hello")["stream_id"]))[-1]
        assert refused["error"]["code"] == "provider_unavailable"
        server.terminate()
        server.run()
        assert scripted(server)["models"][0]["breaker"]["state"] == "open"


def test_an_execution_keeps_its_last_decision(server):
    start = server.start("hello")
    route = events(server.read(start["stream_id"]))[2]
    assert server.execution(start["execution_id"])["route"] == route
