"""Without a key: this machine does everything, and web pages of other origins nothing."""

import subprocess
import sys

import pytest

from tests.serving import ROOT, environment, raw, serve

START = ("POST", "/api/agents/conversation/stream", '{"message": "x"}')
READ = ("GET", "/api/executions", "")
PAGE = ("GET", "/", "")


def said(server, request, *headers):
    """The status of a request with exactly these headers; `{port}` is the server's."""
    method, path, body = request
    head = [f"{method} {path} HTTP/1.1", "Connection: close", f"Content-Length: {len(body)}"]
    lines = "\r\n".join([*head, *(h.format(port=server.port) for h in headers), "", body])
    return int(raw(server.port, lines.encode()).split(b" ")[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leadstream")
    with serve(folder, allowed_hosts="box.lan", cors_origins="https://crm.example") as server:
        yield server


@pytest.mark.parametrize("request_", [START, READ], ids=["start", "read"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:{port}", 200),
        ("[::1]:{port}", 200),
        ("box.lan:{port}", 200),
        ("evil.example", 421),
        ("evil.example:{port}", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("evil.example@localhost", 421),
        ("192.168.0.7", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_a_name_that_is_not_ours_is_misdirected(server, request_, host, status):
    assert said(server, request_, f"Host: {host}") == status


def test_a_second_host_is_not_overlooked(server):
    assert said(server, READ, "Host: localhost", "Host: evil.example") in (400, 421)


def test_a_request_without_a_host_is_misdirected(server):
    assert said(server, READ) in (400, 421)


@pytest.mark.parametrize("request_", [START, READ], ids=["start", "read"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),
        (["Origin: http://localhost:{port}"], 200),
        (["Origin: http://localhost:{port}", "Sec-Fetch-Site: same-origin"], 200),
        (["Sec-Fetch-Site: none"], 200),
        (["Origin: https://crm.example", "Sec-Fetch-Site: cross-site"], 200),
        (["Origin: https://evil.example"], 403),
        (["Origin: null"], 403),
        (["Origin: "], 403),
        (["Origin: http://localhost"], 403),
        (["Origin: http://localhost:1"], 403),
        (["Origin: http://127.0.0.1:{port}"], 403),
        (["Origin: http://localhost:{port}", "Origin: https://evil.example"], 403),
        (["Origin: https://crm.example.evil.example"], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-site"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 403),
    ],
)
def test_a_page_of_another_origin_is_refused(server, request_, headers, status):
    assert said(server, request_, "Host: localhost:{port}", *headers) == status


def test_a_link_from_anywhere_leads_to_the_page(server):
    there = said(server, PAGE, "Host: localhost")
    link = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
    assert said(server, PAGE, "Host: localhost", *link) == there
    assert said(server, PAGE, "Host: evil.example", *link) == there
    assert said(server, PAGE, "Host: localhost", "Sec-Fetch-Site: cross-site") == 403


def test_any_page_may_import_our_modules_and_only_them(server):
    foreign = ("Host: localhost", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
    assert said(server, ("GET", "/web/sse.js", ""), *foreign) == 200
    assert said(server, ("GET", "/web/../api/executions", ""), *foreign) in (403, 404)


def test_the_origins_that_are_listed_are_let_read_and_no_other(server):
    for origin, allowed in [("https://crm.example", True), ("https://evil.example", False)]:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, idempotency-key, last-event-id",
        }
        answer = server.http.options("/api/stream/start/lead", headers=asked)
        assert answer.is_success == allowed
        assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
        assert "access-control-allow-credentials" not in answer.headers
    read = server.http.get("/api/agents", headers={"Origin": "https://crm.example"})
    assert read.headers["access-control-allow-origin"] == "https://crm.example"
    exposed = read.headers["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "RateLimit", "RateLimit-Policy", "Location", "X-Stream-Id"} <= {*exposed}


def test_every_answer_keeps_its_address_and_its_type_to_itself(server):
    for path in ("/livez", "/api/agents", "/nowhere"):
        headers = server.http.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


def test_no_limit_is_counted_without_a_key(server):
    assert "ratelimit" not in server.try_to_start().headers


def start_on(tmp_path, *arguments, **settings):
    return subprocess.run(
        [sys.executable, "server.py", *arguments],
        cwd=ROOT,
        env=environment(tmp_path, **settings),
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_network_is_not_listened_on_without_a_key(tmp_path, host):
    ended = start_on(tmp_path, host=host)
    assert ended.returncode not in (0, 2)
    [line] = ended.stderr.splitlines()
    assert line.startswith("Leadstream cannot start: no key is configured")
    assert "--insecure" in line


def test_insecure_listens_on_a_network_and_answers_to_addresses_only(tmp_path):
    with serve(tmp_path, host="0.0.0.0", insecure="true") as server:
        assert said(server, READ, "Host: 192.168.0.7:{port}") == 200
        assert said(server, READ, "Host: evil.example") == 421
        assert said(server, READ, "Host: 192.168.0.7", "Origin: https://evil.example") == 403
