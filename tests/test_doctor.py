"""The doctor says what is wrong, with what helps, and how a stream fares on its way."""

import http.client
import io
import os
import threading
from contextlib import contextmanager, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest

import cli
from tests import serving
from tests.proxies import running
from tests.serving import is_problem, serve
from tests.upstream.addresses import nobody
from tests.upstream.vendors import FakeVendors


def doctor(folder, *arguments, more=None, **settings):
    """Its exit status, and what it said as `[(kind, text, cure)]`."""
    environment = serving.environment(folder, **settings) | (more or {})
    said = io.StringIO()
    with mock.patch.dict(os.environ, environment, clear=True), redirect_stdout(said):
        status = cli.main(["doctor", *arguments])
    found = []
    for line in said.getvalue().splitlines():
        if line.lstrip().startswith("→"):
            found[-1] = (*found[-1][:2], line.strip(" →"))
        else:
            kind, text = line.split(maxsplit=1)
            found.append((kind, text, ""))
    return status, found


def bad(found):
    return [(text, cure) for kind, text, cure in found if kind == "bad"]


def test_a_good_machine_gets_no_complaint_and_is_left_as_it_was(tmp_path):
    status, found = doctor(tmp_path)
    assert (status, bad(found)) == (0, [])
    told = " ".join(text for _, text, _ in found)
    for word in ("Python", "SQLite", "starlette", "free in", "scripted", "claude is not used"):
        assert word in told
    assert ("note", "claude is not used", "set ANTHROPIC_API_KEY") in found
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_served_is_no_fault_and_neither_is_its_port(tmp_path):
    with serve(tmp_path) as server:
        status, found = doctor(tmp_path, port=server.port)
    assert (status, bad(found)) == (0, [])
    assert any("a server uses it now" in text for _, text, _ in found)


def test_a_port_that_another_program_has_is_named(tmp_path):
    with serve(tmp_path) as server:
        elsewhere = f"sqlite:///{tmp_path / 'other.db'}"
        status, found = doctor(tmp_path, port=server.port, database_url=elsewhere)
    ((text, cure),) = bad(found)
    assert status == 1
    assert text.startswith(f"127.0.0.1:{server.port} is taken")
    assert cure == "LEADSTREAM_PORT"


def test_a_damaged_database_and_a_folder_that_is_missing_are_named(tmp_path):
    (tmp_path / "leadstream.db").write_bytes(b"SQLite format 3\x00" + b"x" * 4096)
    status, found = doctor(tmp_path)
    assert status == 1
    assert "restore" in bad(found)[0][1]
    status, found = doctor(tmp_path, database_url=f"sqlite:///{tmp_path}/missing/x.db")
    assert (status, len(bad(found))) == (1, 1)


def test_where_no_model_can_answer_that_is_what_is_wrong(tmp_path):
    status, found = doctor(tmp_path, scripted="off")
    assert (status, bad(found)) == (1, [("no model can answer", "")])


def test_vendors_are_asked_only_when_told_to_and_without_a_key(tmp_path):
    with FakeVendors() as vendors, nobody() as refused:
        more = vendors.env() | {"DEEPSEEK_BASE_URL": refused}
        assert doctor(tmp_path, more=more)[0] == 0
        assert vendors.connections == 0
        status, found = doctor(tmp_path, "--online", more=more)
        assert status == 1
        assert [text for text, _ in bad(found)] == ["deepseek cannot be reached: ConnectError"]
        assert sum("is reached at" in text for _, text, _ in found) == 3
        assert "key" not in " ".join(attempt.headers for attempt in vendors.attempts)


# On the way.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("probed")) as server:
        yield server


def probed(folder, url, silence="0.1"):
    return doctor(folder, "--url", url, "--silence", silence)


@contextmanager
def holding_back(port, status=None):
    """A proxy that reads an answer to its end before it passes it on, or answers by itself."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            upstream = http.client.HTTPConnection("127.0.0.1", port)
            upstream.request("GET", self.path)
            answer = upstream.getresponse()
            body = answer.read()
            upstream.close()
            self.send_response(status or 200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            thread.join()


def test_a_way_without_obstacles_is_told_as_one(server, tmp_path):
    status, found = probed(tmp_path, server.url)
    assert status == 0
    assert [kind for kind, *_ in found] == ["ok", "ok", "ok"]


def test_a_proxy_that_holds_frames_back_is_told(server, tmp_path):
    with holding_back(server.port) as url:
        status, found = probed(tmp_path, url)
    assert status == 1
    assert [text for text, _ in bad(found)] == ["frames are held back and come together"]


@pytest.mark.parametrize(
    ("more", "text", "cure"),
    [
        (
            "gzip on; gzip_types text/event-stream; proxy_hide_header Content-Encoding;",
            "streams come compressed (gzip)",
            "gzip off;",
        ),
        (
            "proxy_read_timeout 1s;",
            "a silence of 2 s is cut",
            "proxy_read_timeout 120s;",
        ),
    ],
)
def test_what_nginx_does_to_streams_is_told_with_the_line_to_add(
    server, tmp_path, more, text, cure
):
    with running.nginx(tmp_path, running.nginx_default(server.port, more)) as port:
        status, found = probed(tmp_path, f"http://127.0.0.1:{port}", silence="2")
    assert status == 1
    assert bad(found) == [(text, cure)]


def test_an_address_where_no_leadstream_is_says_what_is_there(server, tmp_path):
    with nobody() as url:
        assert "ConnectError" in bad(probed(tmp_path, url)[1])[0][0]
    assert "404" in bad(probed(tmp_path, f"{server.url}/elsewhere")[1])[0][0]
    with holding_back(server.port, status=308) as url:
        assert "https://elsewhere.example/" in bad(probed(tmp_path, url)[1])[0][0]


@pytest.mark.parametrize(
    "query",
    ["silence_ms=30001", "silence_ms=-1", "silence_ms=x", "silence_ms=٣", "silence_ms=" + "9" * 99],
)
def test_a_probe_is_bounded(server, query):
    is_problem(server.http.get(f"/api/probe?{query}"), 400, "bad_probe")
