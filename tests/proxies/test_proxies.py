"""Behind nginx and Caddy: at once, through a silence, under a prefix, and over a restart."""

import json
import threading

import pytest
from websockets.sync.client import connect

from tests.browser import browser
from tests.proxies import running
from tests.proxies.event_source import EventSource
from tests.reading import PATIENCE_S, Reading, until
from tests.serving import events, numbered, script, serve, text, types, words
from tests.upstream.faults import HoldAfter
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import WORDS, serve_vendors

PROXIES = {
    "nginx": (running.nginx, running.nginx_default, "proxy_read_timeout 3s;"),
    "caddy": (running.caddy, running.caddy_default, "transport http {\nread_timeout 3s\n}"),
}
COMPRESSING = {
    "nginx": (running.nginx, running.nginx_default, "gzip on; gzip_types text/event-stream;"),
    "caddy": (running.caddy, running.caddy_default, ""),
}
PREFIXED = {
    "nginx": (running.nginx, running.nginx_prefixed),
    "caddy": (running.caddy, running.caddy_prefixed),
}
SHIPPED = {
    "nginx": (running.nginx, running.nginx_shipped),
    "caddy": (running.caddy, running.caddy_shipped),
}


@pytest.fixture(scope="module")
def vendors():
    with FakeVendors() as vendors:
        vendors.says("claude", WORDS)
        yield vendors


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def server(vendors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxied")
    with serve_vendors(folder, vendors.env(), heartbeat_s=1) as server:
        yield server


def comes_word_by_word(port, url, vendors):
    """The first word while its vendor holds the others back, then all of them."""
    with Reading(port, url, {"Accept-Encoding": "gzip", "Accept": "text/event-stream"}) as reading:
        reading.until(b'"type":"token"')
        assert vendors.attempts[-1].holding
        vendors.release()
        assert text(reading.rest()) == "".join(WORDS)


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_word_comes_through_a_default_proxy_before_the_next_one_is_written(
    server, vendors, tmp_path, proxy
):
    run, configured, _ = PROXIES[proxy]
    with run(tmp_path, configured(server.port)) as port:
        vendors.fails("claude", HoldAfter(1))
        started = server.start(provider="claude")
        comes_word_by_word(port, started["stream_url"], vendors)


@pytest.mark.parametrize("proxy", COMPRESSING)
def test_a_proxy_that_compresses_what_it_can_leaves_streams_alone(server, vendors, tmp_path, proxy):
    """It would hold words back until it has enough of them. All that has been said comes as one
    piece, long enough for any proxy to think it worth its while."""
    run, configured, more = COMPRESSING[proxy]
    with run(tmp_path, configured(server.port, more)) as port:
        vendors.fails("claude", HoldAfter(1))
        started = server.start(provider="claude")
        with server.follow(started["stream_id"]) as reading:
            reading.until(b'"type":"token"')
        comes_word_by_word(port, started["stream_url"], vendors)


@pytest.mark.parametrize("proxy", PROXIES)
def test_heartbeats_keep_a_proxy_open_that_waits_three_seconds(server, vendors, tmp_path, proxy):
    run, configured, impatient = PROXIES[proxy]
    with run(tmp_path, configured(server.port, impatient)) as port:
        vendors.fails("claude", HoldAfter(1))
        started = server.start(provider="claude")
        with Reading(port, started["stream_url"], {}) as reading:
            reading.until(b'"type":"token"').until(b": ping", times=6)
            vendors.release()
            assert text(reading.rest()) == "".join(WORDS)


@pytest.mark.parametrize("proxy", PREFIXED)
def test_under_a_prefix_every_url_leads_through_the_proxy(server, tmp_path, proxy):
    run, configured = PREFIXED[proxy]
    with run(tmp_path, configured(server.port)) as port:
        url = f"http://127.0.0.1:{port}/sales/api/stream/start/lead"
        body = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
        answer = server.http.post(url, json=body)
        started = answer.json()
        assert started["stream_url"].startswith("/sales/api/stream/")
        assert answer.headers["location"] == started["stream_url"]
        with Reading(port, started["stream_url"], {}) as reading:
            assert types(reading.rest())[-1] == "complete"
        stopped = server.http.post(f"http://127.0.0.1:{port}{started['stop_url']}")
        assert stopped.json()["status"] == "success"


@pytest.mark.parametrize("proxy", SHIPPED)
def test_a_reader_behind_a_shipped_proxy_outlives_a_killed_server(tmp_path, proxy):
    run, configured = SHIPPED[proxy]
    with serve(tmp_path) as server, run(tmp_path, configured(server.port)) as port:
        started = server.start(script(words(30), pace_ms=30))
        reader = EventSource(port, started["stream_url"])
        reading = threading.Thread(target=reader.read)
        reading.start()
        with server.follow(started["stream_id"]) as watching:
            watching.until(b'"type":"token"', times=5)
        server.kill()
        until(lambda: reader.waited)
        server.run()
        reading.join(PATIENCE_S)
        assert not reading.is_alive()
    assert [number for number, _ in numbered(reader.body)] == list(
        range(1, len(events(reader.body)) + 1)
    )
    assert "reset" in types(reader.body)
    assert types(reader.body)[-1] == "complete"
    assert text(reader.body).split() == words(30).split()


FOLLOWED = """
    window.seen = []; window.opened = 0;
    const source = new EventSource(arguments[0]);
    source.onopen = () => { window.opened += 1; };
    source.onmessage = ({ lastEventId, data }) => {
        window.seen.push([lastEventId, JSON.parse(data)]);
    };
    window.source = source;
"""


@pytest.mark.parametrize("proxy", SHIPPED)
def test_a_browser_behind_a_shipped_proxy_outlives_a_killed_server(tmp_path, chromium, proxy):
    run, configured = SHIPPED[proxy]
    with serve(tmp_path) as server, run(tmp_path, configured(server.port)) as port:
        chromium.open(f"http://127.0.0.1:{port}/docs")
        started = server.start(script(words(30), pace_ms=30))
        chromium.run(FOLLOWED, started["stream_url"])
        chromium.until("return window.seen.filter(([, e]) => e.type === 'token').length > 4")
        server.kill()
        chromium.until("return window.opened > 1", what="to be told to come back")
        server.run()
        chromium.until("return window.source.readyState === EventSource.CLOSED")
        seen = chromium.run("return window.seen")
    assert [int(number) for number, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1]["type"] == "complete"
    after = [e for _, e in seen[[e["type"] for _, e in seen].index("reset") :]]
    shown = "".join(e["content"] for e in after if e["type"] == "token")
    assert shown.split() == words(30).split()


@pytest.mark.parametrize("proxy", SHIPPED)
def test_a_shipped_proxy_says_so_where_no_stream_waits_for_the_server(tmp_path, proxy):
    run, configured = SHIPPED[proxy]
    with serve(tmp_path) as server, run(tmp_path, configured(running.free_port())) as port:
        answer = server.http.get(f"http://127.0.0.1:{port}/api/agents")
        assert answer.status_code == 502


@pytest.mark.parametrize("proxy", SHIPPED)
def test_a_shipped_proxy_hides_a_prefix_that_a_client_has_made_up(server, tmp_path, proxy):
    run, configured = SHIPPED[proxy]
    with run(tmp_path, configured(server.port)) as port:
        url = f"http://127.0.0.1:{port}/api/stream/start/lead"
        body = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
        answer = server.http.post(url, json=body, headers={"X-Forwarded-Prefix": "/evil"})
        assert answer.json()["stream_url"].startswith("/api/stream/")


def test_what_the_shipped_nginx_logs_has_no_query(server, tmp_path):
    with running.nginx(tmp_path, running.nginx_shipped(server.port)) as port:
        server.http.get(f"http://127.0.0.1:{port}/api/stream/st_1?token=signature")
    log = (tmp_path / "access.log").read_text()
    assert '"GET /api/stream/st_1" 404' in log
    assert "signature" not in log


@pytest.mark.parametrize("proxy", SHIPPED)
def test_a_web_socket_passes_a_shipped_proxy(server, tmp_path, proxy):
    run, configured = SHIPPED[proxy]
    with run(tmp_path, configured(server.port)) as port:
        started = server.start("hello")
        url = f"ws://127.0.0.1:{port}{started['websocket_url']}"
        with connect(url, proxy=None) as socket:
            kinds = [json.loads(frame)["type"] for frame in socket]
    assert (kinds[0], kinds[-1]) == ("start", "complete")
