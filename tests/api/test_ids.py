"""Ids that come from outside: by an allow-list, and never part of a path, a query or a log line."""

import pytest

from tests.serving import is_problem, raw, script, words

BAD_LEAD_IDS = {
    "dots": b"../../etc/passwd",
    "encoded dots": b"%2e%2e",
    "encoded slashes": b"..%2f..%2fetc%2fpasswd",
    "a backslash": b"..%5c..%5cwindows",
    "nothing": b"",
    "a slash": b"a/b",
    "a slash at the end": b"lead/",
    "NUL": b"lead%00",
    "a line break at the end": b"lead%0a",
    "a space": b"a%20b",
    "no ASCII": b"%C3%A4nna",
    "no UTF-8": b"%ff%fe",
    "another digit": b"%D9%A1",
    "65 letters": b"x" * 65,
    "ten kilobytes": b"x" * 10_240,
    "SQL": b"x'%20OR%201=1--",
}

BAD_EVENT_IDS = {
    "nothing": "",
    "below zero": "-1",
    "a sign": "+1",
    "hexadecimal": "0x1",
    "a power": "1e999",
    "a fraction": "1.0",
    "nine thousand nines": "9" * 9000,
    "nineteen digits": "1" * 19,
    "a word": "null",
    "two": "1, 2",
    "a separator": "1_000",
    "Arabic digits": "\u0661",
    "full width digits": "\uff11",
    "a superscript": "\u00b2",
    "SQL": "1 OR 1=1",
}


@pytest.fixture(scope="module")
def running(server):
    """A stream that is still written, so that there is something to follow."""
    stream_id = server.start(script(words(340), pace_ms=50), detach=True)["stream_id"]
    yield stream_id
    server.stop(stream_id)


@pytest.mark.parametrize("lead_id", BAD_LEAD_IDS.values(), ids=BAD_LEAD_IDS.keys())
def test_what_is_no_lead_id_is_refused_in_a_path(server, lead_id):
    """By hand: a client's library would clean the path before it is sent."""
    before = server.count()
    body = b'{"agent_type":"conversation","lead":{},"input":{"message":"hello"}}'
    answer = raw(
        server.port,
        b"POST /api/stream/start/%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (lead_id, len(body), body),
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"bad_lead_id"' in answer
    assert len(answer) < 1000
    assert server.count() == before


@pytest.mark.parametrize("lead_id", ["../../etc/passwd", "", "a b", "\u00e4nna", "x" * 65, "x\n"])
def test_what_is_no_lead_id_is_refused_in_a_body(server, lead_id):
    before = server.count()
    said = {"message": "hello", "lead_id": lead_id}
    is_problem(server.http.post("/api/agents/conversation/stream", json=said), 400, "bad_lead_id")
    assert server.count() == before


@pytest.mark.parametrize("lead_id", ["a", "x" * 64, "Az09_-", "-", "ld_7"])
def test_what_is_a_lead_id_is_taken(server, lead_id):
    assert server.start(lead_id=lead_id)["lead_id"] == lead_id


@pytest.mark.parametrize("event_id", BAD_EVENT_IDS.values(), ids=BAD_EVENT_IDS.keys())
def test_what_no_stream_has_sent_as_an_id_is_refused(server, running, event_id):
    url = f"/api/stream/{running}"
    header = server.http.get(url, headers={b"Last-Event-ID": event_id.encode()})
    is_problem(header, 400, "bad_event_id")
    query = server.http.get(url, params={"after": event_id})
    is_problem(query, 400, "bad_event_id")
    assert len(query.text) < 1000


@pytest.mark.parametrize(
    "stream_id", ["..%2f..", "%00", "%ff", "x" * 5000, "%F0%9F%92%A9", "'--", "%25s"]
)
@pytest.mark.parametrize("path", ["/api/stream/{}", "/api/executions/{}", "/api/conversations/{}"])
def test_an_id_that_nothing_has_is_not_found(server, path, stream_id):
    answer = server.http.get(path.format(stream_id))
    is_problem(answer, 404)
    assert len(answer.text) < 1000


@pytest.mark.parametrize(
    "header",
    [
        b"Idempotency-Key: a\rb",
        b"Idempotency-Key: a\nb",
        b"Idempotency-Key: a\x00b",
        b"Last-Event-ID: 1\r2",
        b"Last-Event-ID: 1\x002",
        b"X-Anything: a\rSet-Cookie: b",
    ],
)
def test_a_header_that_breaks_its_line_is_refused(server, header):
    before = server.count()
    body = b'{"message":"hello"}'
    answer = raw(
        server.port,
        b"POST /api/agents/conversation/stream HTTP/1.1\r\n"
        b"Host: localhost\r\nConnection: close\r\n%b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (header, len(body), body),
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert server.count() == before
