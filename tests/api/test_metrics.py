"""Metrics: what Prometheus reads, over a real server."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.reading import PATIENCE_S
from tests.serving import ROOT, script, serve, words


@pytest.fixture
def server(tmp_path):
    with serve(tmp_path, retry_base_s=0, breaker_threshold=3) as server:
        yield server


class Scraped:
    """One reading of /metrics: `seen("attempts_total", outcome="ok")`."""

    def __init__(self, server):
        answer = server.http.get("/metrics")
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        self._samples = [sample for family in families for sample in family.samples]

    def __call__(self, name, **labels):
        name = f"leadstream_{name}"
        values = [s.value for s in self._samples if s.name == name and labels == s.labels]
        assert len(values) == 1, (name, labels, [s for s in self._samples if s.name == name])
        return values[0]


def answered(server, message):
    return server.read(server.start(message)["stream_id"])


OF = {"provider": "scripted", "model": "script"}


def test_an_answer_is_counted_with_its_tokens_its_cost_and_its_times(server):
    answered(server, script(words(30), pace_ms=1))
    seen = Scraped(server)
    assert seen("executions_total", agent="conversation", outcome="success") == 1
    assert seen("attempts_total", **OF, outcome="ok") == 1
    assert seen("tokens_total", **OF, direction="output") == 30
    assert seen("cost_usd_total", **OF) >= 0
    assert seen("duration_seconds_count", agent="conversation") == 1
    assert seen("time_to_first_token_seconds_count", **OF) == 1
    assert seen("token_gap_seconds_count", **OF) == 1
    assert 0.001 <= seen("token_gap_seconds_sum", **OF) < PATIENCE_S


def test_a_failure_its_retries_and_the_breaker_that_it_opens_are_counted(server):
    answered(server, script("One", fail_after=0, fault="upstream_error"))
    seen = Scraped(server)
    assert seen("executions_total", agent="conversation", outcome="failed") == 1
    assert seen("attempts_total", **OF, outcome="failed") == 3
    assert seen("retries_total", **OF) == 2
    assert seen("breaker_state", **OF) == 2
    assert seen("breaker_changes_total", **OF) == 1


def test_what_runs_and_who_reads_it_is_seen_while_it_does(server):
    started = server.start(script(words(500), pace_ms=50))
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"token"')
        seen = Scraped(server)
        assert (seen("streams_active"), seen("followers_active")) == (1, 1)
        server.stop(started["stream_id"])
        reading.rest()
    seen = Scraped(server)
    assert (seen("streams_active"), seen("followers_active")) == (0, 0)
    assert seen("executions_total", agent="conversation", outcome="stopped") == 1


def test_readers_are_counted_by_how_they_left_and_whether_they_came_back(server):
    started = server.start(script(words(200), pace_ms=20))
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"token"')
        reading.reset()
    with server.follow(started["stream_id"], last_event_id="2") as reading:
        reading.until(b'"token"')
        server.stop(started["stream_id"])
        reading.rest()
    seen = Scraped(server)
    assert seen("followers_left_total", outcome="dropped") == 1
    assert seen("followers_left_total", outcome="finished") == 1
    assert seen("resumes_total") == 1


def test_every_event_is_in_a_commit_of_the_journal(server):
    body = answered(server, script(words(20)))
    seen = Scraped(server)
    assert seen("journal_group_events_sum") == body.count(b"\nid: ")
    assert seen("journal_commit_seconds_count") == seen("journal_group_events_count") > 0


def test_the_manual_names_every_metric_and_no_other(server):
    answered(server, script("One."))
    manual = (ROOT / "docs" / "operations.md").read_text()
    families = text_string_to_metric_families(server.http.get("/metrics").text)
    names = {f.name for f in families if not f.name.endswith("_created")}
    ours = {name for name in names if name.startswith("leadstream_")}
    named = {n.strip("`") for n in manual.replace("_total", "").split() if "`leadstream_" in n}
    assert ours <= named
