"""The tenant matrix: every route, with one's own key, another's, none, a wrong and a revoked one.

What another key has is answered as what was never there, byte for byte. A route that has no row
here fails the first test: whoever adds one says whose it is.
"""

import json
import re
from contextlib import suppress
from types import SimpleNamespace

import pytest
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.guard import OPEN, OPEN_FOLDERS
from server import create_app
from settings import Settings
from store import keys
from tests.keys.keyed import bearer, made, started
from tests.serving import script, serve
from tests.workflows.dropped import dropped

WRONG = "ls_" + "A" * 43

START = {"agent_type": "conversation", "input": {"message": "x"}}

# What belongs to whoever started it: `{…}` is replaced by an id of his, or by one of nobody.
BELONGING = [
    ("GET", "/api/stream/{stream_id}", None),
    ("POST", "/api/stream/stop/{stream_id}", None),
    ("GET", "/api/executions/{execution_id}", None),
    ("GET", "/api/conversations/{conversation_id}", None),
    ("POST", "/api/stream/start/{lead_id}", START),
    ("POST", "/api/agents/conversation/stream", {"message": "x", "lead_id": "{lead_id}"}),
    ("POST", "/api/agents/conversation/execute", {"message": "x", "lead_id": "{lead_id}"}),
    ("WS", "/ws/stream/{stream_id}", None),
    ("GET", "/api/workflows/{workflow_id}", None),
    ("POST", "/api/workflows/{workflow_id}/resume", None),
    ("POST", "/api/workflows/start/{lead_id}", {"workflow": "trial"}),
    ("GET", "/api/leads/{lead_id}", None),
    ("PATCH", "/api/leads/{lead_id}", {"company_name": "Acme"}),
    ("GET", "/api/leads/{lead_id}/export", None),
    ("DELETE", "/api/leads/{lead_id}", None),
]  # fmt: skip

# What shows to everybody with a key the same, or to each what is his.
SHARED = [
    ("GET", "/api/agents", None),
    ("GET", "/api/executions", None),
    ("GET", "/api/providers", None),
    ("GET", "/api/workflows", None),
    ("GET", "/api/leads", None),
    ("POST", "/api/leads", {}),
    ("POST", "/api/leads/import", None),
    ("POST", "/api/leads/demo", None),
    ("GET", "/api/leads/export", None),
    ("GET", "/api/seller-profile", None),
    ("PUT", "/api/seller-profile", None),
    ("GET", "/metrics", None),
    ("GET", "/api/probe", None),
    ("POST", "/api/route/explain", {"task_type": "conversation", "prompt": "x"}),
]


def nobodys(ids):
    """Ids of the same shape that nobody has."""
    return {name: re.sub(r"[^_]+$", lambda end: end[0][::-1], id) for name, id in ids.items()}


def pattern(path):
    return re.sub(r"\{.*?\}", "{}", path)


def routes():
    for route in create_app(Settings()).routes:
        if isinstance(route, WebSocketRoute):
            yield "WS", route.path
        elif isinstance(route, Route):
            for method in route.methods - {"HEAD"}:
                yield method, route.path


def test_every_route_has_a_row():
    rows = {(method, pattern(path)) for method, path, _ in BELONGING + SHARED}
    rows = {(m, p.replace("/agents/conversation/", "/agents/{}/")) for m, p in rows}
    there = {
        (method, pattern(path))
        for method, path in routes()
        if path not in OPEN and not path.startswith(OPEN_FOLDERS)
    }
    assert there == rows


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server with a stream of `mine` on it."""
    folder = tmp_path_factory.mktemp("leadstream")
    keyring = made(folder, "mine", "other", "revoked")
    keys.revoke(folder / "leadstream.db", "revoked")
    keyring |= {"wrong": WRONG, "none": None}
    (folder / "dropped").mkdir()
    with dropped(folder / "dropped"), serve(folder, starts_per_minute=1000) as server:
        begun = started(
            server,
            keyring["mine"],
            lead_id="ld_mine",
            message=script("Mine."),
            more={"conversation_id": "cv_mine"},
        )
        server.read(begun["stream_id"], **bearer(keyring["mine"]))
        flow = server.http.post(
            "/api/workflows/start/ld_mine",
            json={"workflow": "trial", "lead": {"company_name": "Acme"}},
            headers=bearer(keyring["mine"]),
        ).json()
        ids = {k: begun[k] for k in ("stream_id", "execution_id", "lead_id")}
        assert "workflow_id" in flow, flow
        ids["workflow_id"] = flow["workflow_id"]
        yield SimpleNamespace(
            server=server, keys=keyring, mine={**ids, "conversation_id": "cv_mine"}
        )


def ask(house, row, key, ids):
    """The status, the whole body, and the headers that are neither a date nor a count."""
    method, path, body = row
    path = path.format(**ids)
    if method == "WS":
        return ask_websocket(house, path, key)
    said = None
    if body is not None:
        said = json.dumps(body).replace("{lead_id}", ids.get("lead_id", ""))
    answer = house.server.http.request(method, path, content=said, headers=bearer(key))
    headers = [(n, v) for n, v in answer.headers.items() if n not in ("date", "ratelimit")]
    return answer.status_code, without(ids, answer.content), headers


def without(ids, said):
    """A refusal may repeat what was asked for."""
    for id in ids.values():
        said = said.replace(id.encode(), b"ID")
    return said


def ask_websocket(house, path, key):
    address = f"ws://127.0.0.1:{house.server.port}{path}"
    try:
        with connect(address, additional_headers=bearer(key), proxy=None) as websocket:
            said = []
            with suppress(Exception):
                while True:
                    said.append(websocket.recv(timeout=10))
            unknown = any(json.loads(s)["type"] == "problem" for s in said)
            return 404 if unknown else 200, said, websocket.close_code
    except InvalidStatus as refused:
        return refused.response.status_code, refused.response.body, None


@pytest.mark.parametrize("row", BELONGING, ids=lambda row: " ".join(row[:2]))
def test_what_another_key_has_is_as_if_it_had_never_been(house, row):
    others = ask(house, row, house.keys["other"], house.mine)
    unknown = ask(house, row, house.keys["other"], nobodys(house.mine))
    own = ask(house, row, house.keys["mine"], house.mine)
    assert others[0] == 404
    assert others == unknown
    assert own[0] in (200, 201, 204, 409), "and it is there"


@pytest.mark.parametrize("row", SHARED, ids=lambda row: " ".join(row[:2]))
def test_a_key_shows_nothing_of_another(house, row):
    status, said, *_ = ask(house, row, house.keys["other"], {})
    assert status in (200, 201, 409, 422)
    assert not [id for id in house.mine.values() if id.encode() in said]


@pytest.mark.parametrize("row", BELONGING + SHARED, ids=lambda row: " ".join(row[:2]))
def test_without_a_key_that_lets_in_nothing_is_there(house, row):
    refusals = [
        ask(house, row, house.keys[who], house.mine) for who in ("none", "wrong", "revoked")
    ]
    assert refusals[0][0] == 401
    assert refusals[0] == refusals[1] == refusals[2]
