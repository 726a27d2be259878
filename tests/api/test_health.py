"""Health: what an orchestrator is told, without anybody calling a vendor."""

import pytest

from tests.serving import script, serve


def status(server):
    answer = server.http.get("/readyz")
    return answer.status_code, answer.json()["status"]


def test_a_server_with_a_model_is_ready(tmp_path):
    with serve(tmp_path) as server:
        assert status(server) == (200, "ok")


@pytest.mark.parametrize("missing", [{"scripted": "off"}, {"providers": "claude"}])
def test_a_server_that_has_nobody_to_ask_lives_and_is_not_ready(tmp_path, missing):
    with serve(tmp_path, **missing) as server:
        assert status(server) == (503, "no_model")
        assert server.http.get("/livez").status_code == 200


def test_a_server_whose_only_models_breaker_is_open_is_not_ready(tmp_path):
    with serve(tmp_path, retry_attempts=0, breaker_threshold=1, breaker_reset_s=600) as server:
        started = server.start(script("One", fail_after=0, fault="upstream_error"))
        server.read(started["stream_id"])
        assert status(server) == (503, "no_model")
