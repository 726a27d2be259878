"""Behind a proxy that shows us under a prefix, whether it strips the prefix or passes it on."""

import pytest

from tests.serving import is_problem, serve, types


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("prefix"), root_path="/sales") as server:
        yield server


@pytest.mark.parametrize("passed_on", ["", "/sales"])
def test_every_url_in_an_answer_begins_with_the_prefix(server, passed_on):
    body = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
    answer = server.http.post(f"{passed_on}/api/stream/start/lead", json=body)
    assert answer.status_code == 201
    started = answer.json()
    stream_id = started["stream_id"]
    assert answer.headers["location"] == started["stream_url"] == f"/sales/api/stream/{stream_id}"
    assert started["stop_url"] == f"/sales/api/stream/stop/{stream_id}"
    assert started["websocket_url"] == f"/sales/ws/stream/{stream_id}"


def test_a_url_of_an_answer_is_found_with_its_prefix_and_without(server):
    url = server.start()["stream_url"]
    for shown in (url, url.removeprefix("/sales")):
        assert types(server.http.get(shown).content)[-1] == "complete"


@pytest.mark.parametrize("path", ["/salesman/livez", "/other/livez", "/sales/sales/livez"])
def test_another_prefix_is_no_page_of_ours(server, path):
    is_problem(server.http.get(path), 404, "not_found")


@pytest.mark.parametrize("prefix", ["sales", "/sales/", "/"])
def test_a_prefix_that_makes_no_sense_stops_the_start(tmp_path, prefix):
    with pytest.raises(AssertionError, match="LEADSTREAM_ROOT_PATH"):
        serve(tmp_path, root_path=prefix).__enter__()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("plain")) as server:
        yield server


BODY = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}


def location(server, path="/api/stream/start/lead", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = server.http.post(path, json=BODY, headers=sent)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("passed_on", ["", "/a/sales"])
def test_a_trusted_proxys_prefix_counts_whether_it_strips_it_or_not(plain, passed_on):
    shown = location(plain, f"{passed_on}/api/stream/start/lead", x_forwarded_prefix="/a/sales/")
    assert shown.startswith("/a/sales/api/stream/st_")


def test_a_proxys_prefix_wins_over_the_setting(server):
    assert location(server, x_forwarded_prefix="/other").startswith("/other/api/stream/")


@pytest.mark.parametrize(
    "said", ["//evil.example", "/a//b", "/..", "/a/../b", "a", "/a b", "/a?b", "/" + "a" * 300, "/"]
)
def test_a_prefix_that_leads_elsewhere_is_none(plain, said):
    assert location(plain, x_forwarded_prefix=said).startswith("/api/stream/")


def test_a_prefix_of_somebody_who_is_not_trusted_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    with serve(tmp_path) as server:
        assert location(server, x_forwarded_prefix="/evil").startswith("/api/stream/")
