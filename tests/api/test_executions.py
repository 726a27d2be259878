"""The history: everything once, the newest first, with what it cost."""

import pytest

from tests.serving import is_problem, script, serve, words


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that has answered nine times: six for anna, three for ben, who stopped one."""
    with serve(tmp_path_factory.mktemp("history")) as server:
        for number in range(8):
            lead_id = "ben" if number % 3 == 2 else "anna"
            server.read(server.start(script(words(3)), lead_id=lead_id)["stream_id"])
        server.stop(server.start(script(words(300), pace_ms=50), lead_id="ben")["stream_id"])
        yield server


def listed(server, **query):
    return server.http.get("/api/executions", params=query).json()


def walked(server, **query):
    """All items, page by page."""
    page = listed(server, **query)
    items = page["items"]
    while page["next_cursor"] is not None:
        page = listed(server, **query, cursor=page["next_cursor"])
        items += page["items"]
        assert len(items) < 100, "the walk goes round in circles"
    return items


def ids(items):
    return [item["execution_id"] for item in items]


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 200])
def test_a_walk_in_pages_of_any_size_meets_everything_once_and_the_newest_first(server, limit):
    items = walked(server, limit=limit)
    assert len(set(ids(items))) == len(items) == 9
    assert ids(items) == ids(sorted(items, key=lambda i: i["created_at"], reverse=True))


def test_what_starts_during_a_walk_does_not_disturb_it(server):
    before = ids(walked(server, limit=200))
    page = listed(server, limit=4)
    server.read(server.start()["stream_id"])
    rest = []
    while page["next_cursor"] is not None:
        page = listed(server, limit=4, cursor=page["next_cursor"])
        rest += page["items"]
    assert ids(rest) == before[4:]


def test_a_history_can_be_asked_for_one_lead_and_one_status(server):
    bens = walked(server, lead_id="ben", limit=2)
    assert [item["status"] for item in bens] == ["stopped", "success", "success"]
    assert {item["lead_id"] for item in bens} == {"ben"}
    (stopped,) = walked(server, status="stopped")
    assert stopped == bens[0]
    assert listed(server, lead_id="nobody") == {"items": [], "next_cursor": None}


def test_an_item_names_itself_and_says_what_it_cost(server):
    item = walked(server, status="success")[-1]
    assert item["agent_type"] == "conversation"
    assert item["provider"] == "scripted"
    assert item["output_tokens"] == 3
    assert item["total_cost_usd"] == 0
    assert item["latency_ms"] >= item["ttft_ms"] >= 0
    assert item.keys() >= {"stream_id", "execution_id", "lead_id", "created_at", "ended_at"}


def test_one_execution_is_shown_with_its_words_its_result_and_every_attempt(server):
    item = walked(server, status="success")[-1]
    shown = server.execution(item["execution_id"])
    assert shown["text"] == words(3)
    assert shown["input"]["message"] == script(words(3))
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["ok"]
    assert shown["metadata"]["attempts"] == shown["attempts"]
    assert {name: shown[name] for name in item} == item


def test_an_unknown_execution_is_not_found(server):
    is_problem(server.http.get("/api/executions/ex_unknown"), 404, "unknown_execution")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1e1",
        "limit=",
        "limit=two",
        "limit=%D9%A1",
        "limit=0000001999999",
        "limit=" + "9" * 5000,
        "status=done",
        "status=",
        "cursor=x",
        "cursor=",
        "cursor=%00",
        "cursor=%D9%A1",
        "cursor=" + "QQ" * 1000,
    ],
)
def test_a_question_that_makes_no_sense_is_refused(server, query):
    is_problem(server.http.get(f"/api/executions?{query}"), 400)
