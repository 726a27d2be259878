"""No key, no signature, no prompt and nothing of a lead is in a log line, a metric or a Problem.

Each is planted where it can be, and the vendor echoes whatever it is sent, in every failure.
The detector itself is tried first: it finds what is planted in a sink.
"""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.reading import PATIENCE_S
from tests.serving import ROOT, environment, types
from tests.vendors.running import serve_vendors

VENDORS_KEY = "sk-planted-4c1f"
A_WRONG_KEY = "ls_planted-wrong-77aa"
PROMPT = "planted prompt about a secret merger"
LEAD = {
    "first_name": "Plantedfirst",
    "last_name": "Plantedlast",
    "email": "planted@secret.example",
    "notes": "planted notes on his health",
    "company_name": "Planted Holdings",
}
STATUSES = (400, 401, 403, 404, 413, 429, 500, 200)


@contextmanager
def an_echoing_vendor():
    """Answers with all it was sent, its key included; the nth request has the nth status."""
    left = list(STATUSES)

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            echo = json.dumps({"error": {"message": f"{self.headers}{sent}"}}).encode()
            self.send_response(left.pop(0) if left else 500)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(echo)))
            self.end_headers()
            self.wfile.write(echo)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as vendor:
        thread = threading.Thread(target=vendor.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{vendor.server_port}"
        finally:
            vendor.shutdown()
            thread.join()


def key_for(folder):
    made = subprocess.run(
        [sys.executable, "server.py", "key", "create", "--name", "planted"],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """`{sink: all that was written to it}`, and what may be in none of them."""
    folder = tmp_path_factory.mktemp("secrets")
    key = key_for(folder)
    with an_echoing_vendor() as vendor:
        variables = {"DEEPSEEK_API_KEY": VENDORS_KEY, "DEEPSEEK_BASE_URL": vendor}
        settings = {"providers": "deepseek", "retry_attempts": 0, "breaker_threshold": 10**6}
        with serve_vendors(folder, variables, **settings) as server:
            http = httpx.Client(
                base_url=server.url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=PATIENCE_S,
                trust_env=False,
            )
            with http:
                problems, signatures = everything_that_fails(http)
                metrics = http.get("/metrics").text
        planted = [VENDORS_KEY, A_WRONG_KEY, key, PROMPT, *LEAD.values(), *signatures]
        yield {"log": server.logged(), "metrics": metrics, "problems": problems}, planted


def everything_that_fails(http):
    """Every Problem that could be had, as one text; and the signatures that were given out."""
    bodies, signatures = [], []

    def ask(method, path, **request):
        answer = http.request(method, path, **request)
        if answer.is_error:
            bodies.append(answer.text)
        return answer

    body = {"agent_type": "conversation", "input": {"message": PROMPT}, "lead": LEAD}
    for _ in STATUSES:
        started = ask("POST", "/api/stream/start/ada", json=body).json()
        signatures.append(started["stream_url"].partition("token=")[2])
        stream = httpx.get(f"{http.base_url}{started['stream_url']}", timeout=PATIENCE_S)
        assert types(stream.content)[-1] == "error"
        bodies.append(stream.text.partition('"type":"error"')[2])
    ask("POST", "/api/agents/conversation/execute", json={"message": PROMPT, "lead": LEAD})
    signed = started["stream_url"]
    for path in (f"/nowhere?token={signatures[0]}", f"/api/stream/st_x?token={signatures[0]}"):
        ask("GET", path)
        ask("GET", path, headers={"Authorization": f"Bearer {A_WRONG_KEY}"})
    ask("DELETE", signed)
    ask("GET", signed + "&after=x")
    for wrong in (
        {**body, "input": {"message": {PROMPT: PROMPT}}},
        {**body, "lead": {**LEAD, "email": LEAD["notes"]}},
        {**body, "lead": {**LEAD, "country": LEAD["company_name"]}},
        {**body, "lead": {**LEAD, "messages": [LEAD["notes"]]}},
        {**body, "provider": 7, "input": {"message": PROMPT * 1000}},
    ):
        assert ask("POST", "/api/stream/start/ada", json=wrong).status_code == 422
    for text in (f'{{"message": "{PROMPT}"', f'{{"{PROMPT}": NaN}}', PROMPT):
        assert ask("POST", "/api/leads", content=text).status_code == 400
    ask("POST", "/api/leads", json=[{**LEAD, "employee_count": LEAD["notes"]}])
    ask("PATCH", "/api/leads/ada", json={**LEAD, "phone": [LEAD["notes"]]})
    return "\n".join(bodies), signatures


def found(sink, planted):
    return [secret for secret in planted if secret in sink]


def test_the_detector_finds_what_is_planted(told):
    sinks, planted = told
    assert len(planted) == len(set(planted)) == 4 + len(LEAD) + len(STATUSES)
    for sink in sinks.values():
        assert len(sink) > 500
        assert found(sink + planted[-1], planted) == [planted[-1]]


@pytest.mark.parametrize("sink", ["log", "metrics", "problems"])
def test_nothing_that_was_planted_is_in(told, sink):
    sinks, planted = told
    assert found(sinks[sink], planted) == []
