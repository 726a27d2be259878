"""The examples do what they show, each against a real server.

examples/browser.html is only read here: what it does belongs to a browser.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from examples.demo import TEXT, Server, environment, faults
from server import create_app
from settings import Settings
from tests import serving
from tests.needs import needs
from tests.proxies.running import free_port, running
from tests.reading import PATIENCE_S

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

HELD = [
    b'id: 1\ndata: {"type":"start"}',
    b'id: 2\ndata: {"type":"token","content":"lost, "}',
    b'id: 3\ndata: {"type":"reset"}',
    b'id: 4\ndata: {"type":"token","content":%b}' % json.dumps(TEXT).encode(),
    b'id: 5\ndata: {"type":"complete"}',
]


@pytest.fixture
def server(tmp_path):
    with closing(Server(tmp_path)) as server:
        yield server


def script(words, pace_ms):
    return json.dumps({"say": "".join(f"word{n}\n" for n in range(words)), "pace_ms": pace_ms})


def words(shown):
    return [int(number) for number in re.findall(r"word(\d+)", shown)]


def test_the_demo_counts_nothing_lost_and_nothing_doubled_and_leaves_your_database_alone(tmp_path):
    yours = {"LEADSTREAM_DATABASE_URL": f"sqlite:///{tmp_path / 'yours.db'}"}
    demo = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"], env=os.environ | yours, capture_output=True
    )
    lines = demo.stdout.decode().splitlines()
    assert demo.returncode == 0, demo.stderr.decode()
    assert lines[-1] == "1 stream · 2 kills · 0 lost · 0 doubled"
    assert lines.count("— starting again —") == 2
    assert list(tmp_path.iterdir()) == []


def test_no_key_and_no_setting_of_yours_reaches_the_demos_server(monkeypatch, tmp_path):
    for name in ("ANTHROPIC_API_KEY", "CEREBRAS_BASE_URL", "LEADSTREAM_ROOT_PATH"):
        monkeypatch.setenv(name, "yours")
    assert "yours" not in environment(tmp_path).values()


def test_the_demo_finds_no_fault_with_a_reader_who_has_the_log():
    assert faults(HELD, HELD) == []


@pytest.mark.parametrize(
    "got",
    [
        pytest.param(HELD[:2] + HELD[3:], id="an event is lost"),
        pytest.param(HELD[:2] + HELD[1:], id="an event is doubled"),
        pytest.param([HELD[1], HELD[0], *HELD[2:]], id="events are swapped"),
        pytest.param([HELD[0].replace(b"start", b"Start"), *HELD[1:]], id="a byte differs"),
    ],
)
def test_the_demo_fails_when(got):
    assert faults(got, HELD)


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([*HELD[:3], HELD[4]], id="an id is missing, and so are the words"),
        pytest.param(HELD[:4], id="the stream has no end"),
        pytest.param([*HELD[:2], HELD[2].replace(b"reset", b"field"), *HELD[3:]], id="no reset"),
    ],
)
def test_the_demo_fails_also_when_reader_and_log_agree_but(held):
    assert faults(held, held)


def test_the_curl_script_reads_every_event_once_and_stops_what_still_runs(server):
    needs("curl")
    message = json.dumps(script(words=100, pace_ms=100))[1:-1]
    shown = subprocess.run(
        ["sh", EXAMPLES / "curl.sh", server.address, message], capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr
    ids = [int(found) for found in re.findall(r"^id: (\d+)$", shown.stdout, re.M)]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) > 4
    assert json.loads(shown.stdout.splitlines()[-1])["status"] == "stopped"


def test_the_python_client_outlives_a_killed_server(server):
    client = subprocess.Popen(
        [sys.executable, EXAMPLES / "client.py", server.address, script(words=20, pace_ms=20)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with client:
        read = []
        while not read or "word5" not in read[-1]:
            read.append(next(client.stdout))
        server.kill()
        server.start()
        read.extend(client.stdout)
    assert client.returncode == 0
    cut, whole = "".join(read).split("[reset]")
    assert words(cut) == list(range(len(words(cut))))
    assert words(whole) == list(range(20))
    assert whole.strip().endswith("[complete]")


def test_the_script_of_the_browsers_page_can_be_read(tmp_path):
    page = (EXAMPLES / "browser.html").read_text()
    module = tmp_path / "page.mjs"
    module.write_text(re.search(r"<script.*?>(.*)</script>", page, re.S)[1])
    subprocess.run([needs("node"), "--check", module], check=True)


def test_an_app_that_mounts_leadstream_streams_under_its_path(tmp_path):
    port = free_port()
    with running(
        [sys.executable, EXAMPLES / "mount.py", str(port)],
        *(port, tmp_path),
        **serving.environment(tmp_path),
        PYTHONPATH=ROOT,
    ):
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S)
        with http:
            assert http.get("/").text == "Yours.\n"
            body = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
            started = http.post("/leadstream/api/stream/start/ada", json=body).json()
            assert started["stream_url"].startswith("/leadstream/api/stream/")
            assert serving.types(http.get(started["stream_url"]).content)[-1] == "complete"


@pytest.mark.anyio
async def test_a_mounted_app_that_nobody_has_started_says_what_to_do():
    app = Starlette(routes=[Mount("/leadstream", app=create_app(Settings()))])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get("/leadstream/api/agents")
        assert "examples/mount.py" in serving.is_problem(answer, 503, "not_started")["detail"]
        assert (await http.get("/leadstream/livez")).status_code == 200
