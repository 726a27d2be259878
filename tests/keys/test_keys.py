"""Keys: made and revoked beside a running server, shown once, and what belongs to each."""

import http.client
import json
import re
import subprocess
import sys

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from api.keys import Caller, Keyring
from store import keys
from store.database import Database
from tests.keys.keyed import bearer, made, started
from tests.reading import Reading, until
from tests.serving import ROOT, environment, is_problem, rows, script, serve, text, words

A_KEY = re.compile(r"ls_[A-Za-z0-9_-]{43}")
SLOW = script(words(500), pace_ms=100)
"""It does not end within any test."""


def key_command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "server.py", "key", *arguments],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=30,
    )


def refused(server, key):
    return server.http.get("/api/agents", headers=bearer(key)).status_code == 401


def test_a_key_is_made_and_revoked_beside_a_running_server(tmp_path):
    with serve(tmp_path) as server:
        assert not refused(server, None), "no key is configured yet"
        answer = key_command(tmp_path, "create", "--name", "crm")
        key = answer.stdout.splitlines()[-1]
        assert (answer.returncode, answer.stderr) == (0, "")
        assert A_KEY.fullmatch(key)
        until(lambda: refused(server, None))
        assert not refused(server, key)
        started(server, key)

        listed = key_command(tmp_path, "list").stdout
        assert "crm" in listed
        assert key not in listed
        assert key_command(tmp_path, "revoke", "crm").returncode == 0
        until(lambda: not refused(server, None))
    assert "revoked" in key_command(tmp_path, "list").stdout


def test_a_key_is_stored_as_its_hash(tmp_path):
    key = keys.create(tmp_path / "leadstream.db", "crm")
    with serve(tmp_path) as server:
        assert not refused(server, key)
    for file in tmp_path.iterdir():
        assert key.encode() not in file.read_bytes(), file
    [(digest, prefix)] = rows(server.database, "SELECT digest, prefix FROM api_keys")
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert key.startswith(prefix)
    assert len(prefix) < 10


@pytest.mark.parametrize("which", ["nobody", "twice"])
def test_revoking_what_is_not_one_key_says_so(tmp_path, which):
    made(tmp_path, "twice")
    made(tmp_path, "twice")
    answer = key_command(tmp_path, "revoke", which)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert rows(tmp_path / "leadstream.db", "SELECT DISTINCT revoked_at FROM api_keys") == [(None,)]


def test_a_first_start_on_a_network_makes_a_key_and_shows_it_once(tmp_path):
    shown = [start_in_the_image(tmp_path) for _ in range(2)]
    assert [len(found) for found in shown] == [1, 0]


def start_in_the_image(folder):
    process = subprocess.Popen(
        [sys.executable, "-u", "server.py"],
        cwd=ROOT,
        env=environment(folder, host="0.0.0.0", first_key="print"),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        said = ""
        for line in process.stdout:
            said += line
            if "curl" in line:
                break
        port = int(re.search(r"listens on http://127\.0\.0\.1:(\d+)", said)[1])
        found = A_KEY.findall(said)
        for key in found:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/api/agents", headers=bearer(key))
            assert connection.getresponse().status == 200
            connection.close()
        process.terminate()
    return found


def test_a_key_that_inherits_owns_what_the_other_owns(tmp_path):
    database = tmp_path / "leadstream.db"
    old = keys.create(database, "old")
    new = keys.create(database, "new", inherit="old")
    other = keys.create(database, "other")
    with serve(tmp_path) as server:
        stream = started(server, old, message=script("Ours."))["stream_id"]
        assert text(server.read(stream, **bearer(new))) == "Ours."
        is_problem(server.http.get(f"/api/stream/{stream}", headers=bearer(other)), 404)


def test_what_was_started_without_a_key_is_for_none_unless_it_inherits_it(tmp_path):
    with serve(tmp_path) as server:
        stream = server.start(script("Early."))["stream_id"]
        server.read(stream)
    database = tmp_path / "leadstream.db"
    new = keys.create(database, "new")
    heir = keys.create(database, "heir", inherit="")
    with serve(tmp_path) as server:
        is_problem(server.http.get(f"/api/stream/{stream}", headers=bearer(new)), 404)
        assert server.http.get("/api/executions", headers=bearer(new)).json()["items"] == []
        assert text(server.read(stream, **bearer(heir))) == "Early."


def test_two_keys_may_use_the_same_ids_and_never_meet(tmp_path):
    ours = made(tmp_path, "a", "b")
    with serve(tmp_path) as server:
        begun = {}
        for name, key in ours.items():
            answer = server.try_to_start(
                SLOW,
                lead_id="lead",
                headers={**bearer(key), "Idempotency-Key": "once"},
                more={"conversation_id": "cv", "client_msg_id": "m"},
            )
            assert answer.status_code == 201, "neither busy, nor replayed"
            begun[name] = answer.json()
        for name, key in ours.items():
            server.http.post(begun[name]["stop_url"], headers=bearer(key))
            said = server.http.get("/api/conversations/cv", headers=bearer(key)).json()["items"]
            assert {m["execution_id"] for m in said} == {begun[name]["execution_id"]}
            listed = server.http.get("/api/executions", headers=bearer(key)).json()["items"]
            assert [i["execution_id"] for i in listed] == [begun[name]["execution_id"]]
    owners = rows(server.database, "SELECT COUNT(DISTINCT owner) FROM leads WHERE lead_id = 'lead'")
    assert owners == [(2,)]


# A revoked key.


@pytest.fixture
def revocable(tmp_path):
    """A server, a key, and a stream that will not end by itself."""
    [key] = made(tmp_path, "key").values()
    made(tmp_path, "another")
    with serve(tmp_path) as server:
        begun = started(server, key, message=SLOW)
        yield server, key, begun, lambda: keys.revoke(server.database, "key")


def test_a_revoked_key_loses_its_open_stream(revocable):
    server, key, begun, revoke = revocable
    with server.follow(begun["stream_id"], **bearer(key)) as reading:
        reading.until(b"w1 ")
        revoke()
        assert b'"complete"' not in reading.rest()
    assert refused(server, key)


def test_a_revoked_key_loses_its_open_websocket(revocable):
    server, _, begun, revoke = revocable
    address = f"ws://127.0.0.1:{server.port}{begun['websocket_url']}"
    with connect(address, proxy=None) as websocket:
        websocket.recv()
        revoke()
        with pytest.raises(ConnectionClosedError):
            list(websocket)
        assert websocket.close_code == 1008


def test_a_revoked_key_takes_its_signed_urls_with_it(revocable):
    server, _, begun, revoke = revocable
    with Reading(server.port, begun["stream_url"], {}) as reading:
        reading.until(b"w1 ")
        revoke()
        assert b'"complete"' not in reading.rest()
    is_problem(server.http.get(begun["stream_url"]), 401, "unauthenticated")


def test_a_key_that_is_revoked_while_it_waits_for_an_answer_is_told(revocable):
    server, key, _, revoke = revocable
    waiting = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = json.dumps({"message": SLOW})
    waiting.request("POST", "/api/agents/conversation/execute", body, bearer(key))
    until(lambda: server.count() == 2)
    revoke()
    answer = waiting.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["code"] == "unauthenticated"
    waiting.close()


# Signed URLs.


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leadstream")
    [key] = made(folder, "key").values()
    with serve(folder) as server:
        yield server, key, started(server, key, message=script("Signed."))


def test_a_signed_url_is_read_as_it_is(signed):
    server, _, begun = signed
    assert re.fullmatch(r"/api/stream/st_\w+\?token=[\w.~-]+", begun["stream_url"])
    assert text(server.http.get(begun["stream_url"]).content) == "Signed."
    assert "token" not in begun["stop_url"]
    with connect(f"ws://127.0.0.1:{server.port}{begun['websocket_url']}", proxy=None) as websocket:
        assert '"start"' in websocket.recv()


def test_a_signed_url_can_be_resumed(signed):
    server, _, begun = signed
    whole = server.http.get(begun["stream_url"])
    rest = server.http.get(begun["stream_url"], headers={"Last-Event-ID": "2"}).content
    assert rest.count(b"\nid: ") + rest.startswith(b"id: ") < whole.content.count(b"\nid: ")
    ended = re.findall(rb"id: (\d+)", whole.content)[-1].decode()
    assert server.http.get(f"{begun['stream_url']}&after={ended}").status_code == 204


def test_a_signature_opens_one_stream_for_reading_and_nothing_else(signed):
    server, key, begun = signed
    token = begun["stream_url"].partition("?")[2]
    another = started(server, key)
    for method, path in [
        ("GET", f"/api/stream/{another['stream_id']}"),
        ("POST", begun["stop_url"]),
        ("POST", f"/api/stream/{begun['stream_id']}"),
        ("GET", f"/api/executions/{begun['execution_id']}"),
        ("GET", "/api/executions"),
        ("POST", "/api/stream/start/lead"),
    ]:
        is_problem(server.http.request(method, f"{path}?{token}"), 401, "unauthenticated")


@pytest.mark.parametrize("part", range(4))
def test_a_signature_that_was_changed_opens_nothing(signed, part):
    server, _, begun = signed
    head, _, token = begun["stream_url"].partition("?token=")
    parts = token.split(".")
    last = parts[part][-1]
    parts[part] = parts[part][:-1] + ("1" if last != "1" else "2")
    is_problem(server.http.get(f"{head}?token={'.'.join(parts)}"), 401)
    for nonsense in ("", ".", "...", "a.b.c.d", "%00", "é", token + ".x", token[:-1]):
        answer = server.http.get(head, params={"token": nonsense})
        assert answer.status_code == 401, nonsense


@pytest.mark.anyio
async def test_a_signature_does_not_last_for_ever(tmp_path):
    keys.create(tmp_path / "leadstream.db", "key")
    async with Database(tmp_path / "leadstream.db") as database:
        [key] = await keys.configured(database)
        for readable_s, reads in [(60, True), (-1, False)]:
            keyring = Keyring(database, readable_s=readable_s)
            await keyring.refresh()
            caller = Caller(key.key_id, key.owner)
            signature = keyring.signature(caller, "st_1")
            assert (keyring.reader("st_1", signature) == caller) == reads
            assert keyring.reader("st_2", signature) is None
