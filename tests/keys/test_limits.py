"""Limits: so many starts, connects and stops a minute for each key, each told from the others."""

import re

import pytest

from tests.keys.keyed import bearer, made, started
from tests.serving import is_problem, script, serve


@pytest.fixture
def limited(tmp_path):
    """A server that allows three starts a minute, and two keys."""
    ours = made(tmp_path, "a", "b")
    with serve(tmp_path, starts_per_minute=3) as server:
        yield server, ours


def standing(answer):
    """`(bucket, limit, left, seconds)` as the headers have it."""
    policy = re.fullmatch(r'"(\w+)";q=(\d+);w=60', answer.headers["ratelimit-policy"])
    state = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert policy[1] == state[1]
    return policy[1], int(policy[2]), int(state[2]), int(state[3])


def test_starts_are_counted_for_each_key(limited):
    server, ours = limited
    left = []
    for _ in range(3):
        answer = server.try_to_start(script("x"), headers=bearer(ours["a"]))
        assert answer.status_code == 201
        left.append(standing(answer)[2])
    assert left == [2, 1, 0]
    refused = server.try_to_start(headers=bearer(ours["a"]))
    assert is_problem(refused, 429, "rate_limited")["retryable"]
    bucket, limit, left, seconds = standing(refused)
    assert (bucket, limit, left) == ("starts", 3, 0)
    assert 1 <= seconds <= int(refused.headers["retry-after"]) <= 60
    assert server.count() == 3
    assert server.try_to_start(headers=bearer(ours["b"])).status_code == 201


def test_one_call_that_starts_and_reads_is_a_start(limited):
    server, ours = limited
    answer = server.http.post(
        "/api/agents/conversation/stream", json={"message": script("x")}, headers=bearer(ours["a"])
    )
    assert standing(answer)[:3] == ("starts", 3, 2)


def test_who_has_started_too_much_may_still_read_and_stop(limited):
    server, ours = limited
    key = bearer(ours["a"])
    begun = started(server, ours["a"])
    while server.try_to_start(headers=key).status_code != 429:
        pass
    assert standing(server.http.get(begun["stream_url"]))[:3] == ("connects", 30, 29)
    assert standing(server.http.post(begun["stop_url"], headers=key))[:3] == ("stops", 6, 5)
    for _ in range(5):
        server.http.post(begun["stop_url"], headers=key)
    is_problem(server.http.post(begun["stop_url"], headers=key), 429, "rate_limited")
    assert server.http.get(begun["stream_url"]).status_code == 200


def test_reading_the_history_is_not_counted(limited):
    server, ours = limited
    assert "ratelimit" not in server.http.get("/api/executions", headers=bearer(ours["a"])).headers


def test_guessing_is_limited_and_keeps_nobody_out(limited):
    server, ours = limited
    statuses = [
        server.http.get("/api/agents", headers=bearer(f"ls_{number}")).status_code
        for number in range(110)
    ]
    assert statuses == [401] * 100 + [429] * 10
    assert server.http.get("/api/agents", headers=bearer(ours["a"])).status_code == 200
    assert server.http.get("/api/agents").status_code == 401
