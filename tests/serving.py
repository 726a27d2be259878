"""The server to test against, in a process of its own, and how its answers are read.

Nothing here waits for a time: a server is ready when it has said where it listens, and a reading
goes on when bytes have come. A process that has logged a traceback fails the test that ran it.
"""

import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx

from tests.reading import PATIENCE_S, Reading

ROOT = Path(__file__).parent.parent

_NOT_OURS = re.compile(r"(ANTHROPIC|CEREBRAS|DEEPSEEK|OLLAMA|CLAUDE|APOLLO|CLAY|LEADSTREAM)_")


def environment(folder, **settings):
    """The environment without any vendor: the scripted provider alone, and a database here."""
    ours = {
        "port": 0,
        "database_url": f"sqlite:///{folder / 'leadstream.db'}",
        "scripted": "on",
        "providers": "scripted",
        "local_model": "off",
        "drain_s": 1,
    }
    said = {f"LEADSTREAM_{name.upper()}": str(value) for name, value in (ours | settings).items()}
    return {n: v for n, v in os.environ.items() if not _NOT_OURS.match(n)} | said


def script(say, **how):
    """A message that tells the scripted provider what to say."""
    return json.dumps({"say": say, **how})


def words(count):
    return " ".join(f"w{number}" for number in range(1, count + 1))


class Leadstream:
    """`python server.py` in a folder of its own. It may be killed and started again."""

    command = (sys.executable, "-u", "server.py")

    def __init__(self, folder, **settings):
        self.database = folder / "leadstream.db"
        self.settings = settings
        self.port = 0
        self.http = None
        self._folder = folder
        self._log = folder / "server.log"

    def run(self):
        """Start it; return when it listens. The second time it listens on the same port."""
        settings = {"port": self.port, **self.settings}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment(**settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        for line in self.process.stdout:
            if found := re.search(r"listens on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                self.url = f"http://127.0.0.1:{self.port}"
                self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)
                return self
        self.gone()
        raise AssertionError(f"the server did not start:\n{self.logged()}")

    def environment(self, **settings):
        return environment(self._folder, **settings)

    def logged(self):
        return self._log.read_text()

    def kill(self):
        """As `kill -9`: it learns nothing of it."""
        self.process.kill()
        self.gone()

    def terminate(self):
        """As an operator would stop it. Returns its exit status."""
        self.process.terminate()
        return self.gone()

    def gone(self):
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            if self.http is not None:
                self.http.close()

    # What clients do.

    def try_to_start(self, message="hello", *, lead_id="lead", headers=None, more=None, **beside):
        """Ask for a conversation's start; `more` goes into its input, `beside` beside it."""
        return self.http.post(
            f"/api/stream/start/{lead_id}",
            json={
                "agent_type": "conversation",
                "lead": {},
                "input": {"message": message, **(more or {})},
                **beside,
            },
            headers=headers,
        )

    def start(self, message="hello", **options):
        """Start a conversation; return what the start answered."""
        answer = self.try_to_start(message, **options)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def follow(self, stream_id, query="", **headers):
        """A Reading of a stream, with headers as in `last_event_id="7"`; None is not sent."""
        sent = {n.replace("_", "-"): value for n, value in headers.items() if value is not None}
        return Reading(self.port, f"/api/stream/{stream_id}{query}", sent)

    def read(self, stream_id, query="", **headers):
        """The body of a stream, from where the reader stands to its end."""
        with self.follow(stream_id, query, **headers) as reading:
            return reading.rest()

    def stop(self, stream_id):
        answer = self.http.post(f"/api/stream/stop/{stream_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def execution(self, execution_id):
        return self.http.get(f"/api/executions/{execution_id}").json()

    def count(self):
        """How many executions there are."""
        ((count,),) = rows(self.database, "SELECT COUNT(*) FROM agent_executions")
        return count


@contextlib.contextmanager
def serve(folder, *, kind=Leadstream, **settings):
    """A running Leadstream; `heartbeat_s=0.1` sets LEADSTREAM_HEARTBEAT_S."""
    server = kind(folder, **settings).run()
    try:
        yield server
    finally:
        if server.process.returncode is None:
            server.terminate()
    assert "Traceback" not in server.logged(), server.logged()


# What a body says: a parser of its own, so that ours is not tested against itself.


def frames(body):
    """The body without what may differ between two readings: `retry:` and comments."""
    return re.sub(rb"(?m)^(retry: \d+|: ping)\n", b"", body)


def whole_frames(body):
    """What a browser has dispatched of it: a frame without its blank line does not count."""
    head, blank, _ = body.rpartition(b"\n\n")
    return frames(head + blank)


def numbered(body):
    """`[(id, event)]`, with None for an event that has no id."""
    found = []
    for block in frames(body).split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        number = fields.get(b"id")
        found.append((number and int(number), json.loads(fields[b"data"])))
    return found


def events(body):
    return [event for _, event in numbered(body)]


def types(body):
    return [event["type"] for event in events(body)]


def text(body):
    """The words that a reader has at the end: a reset takes back what was shown before it."""
    shown = ""
    for event in events(body):
        if event["type"] == "reset":
            shown = ""
        shown += event["content"] if event["type"] == "token" else ""
    return shown


def last_id(body):
    """What an EventSource would send as Last-Event-ID after these bytes, None for nothing."""
    numbers = re.findall(rb"(?m)^id: (\d+)$", whole_frames(body))
    return numbers[-1].decode() if numbers else None


def rows(database, sql, *values):
    """Rows of the file, as another process finds them."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def raw(port, request):
    """Send bytes, as no client library would, and read what comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def is_problem(answer, status, code=None):
    """Assert that an answer is a Problem as RFC 9457 and our contract have it; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "retryable"} <= problem.keys()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert code in (None, problem["code"]), problem
    return problem
