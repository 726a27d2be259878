"""/openapi.json says what there is, and /docs shows it without anybody's CDN."""

import json
import re
import subprocess

import jsonschema_rs
import pytest
from starlette.routing import Route

from api import openapi
from server import create_app
from settings import Settings
from tests.needs import needs
from tests.serving import events, script, serve

APP = create_app(Settings())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("openapi"), retry_attempts=0) as server:
        yield server


@pytest.fixture(scope="module")
def described(server):
    answer = server.http.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def routes():
    for route in APP.routes:
        if isinstance(route, Route):
            for method in route.methods - {"HEAD"}:
                yield method, re.sub(r":\w+", "", route.path)


def calls(described):
    for path, methods in described["paths"].items():
        for method, said in methods.items():
            yield method.upper(), path, said


def fits(described, name, value):
    """Assert that a value has the shape that is described."""
    shapes = {"components": described["components"], "$ref": f"#/components/schemas/{name}"}
    errors = list(jsonschema_rs.Draft202012Validator(shapes).iter_errors(value))
    assert errors == [], (value, [error.message for error in errors])


def test_every_route_is_in_it_and_nothing_else(described):
    assert {(m, p) for m, p, _ in calls(described)} == set(routes())


def test_every_route_says_what_it_does_and_what_it_answers(described):
    silent = [
        (method, path)
        for method, path, said in calls(described)
        if not said["summary"] or not any(status < "300" for status in said["responses"])
    ]
    assert silent == []


def test_nothing_is_described_that_is_no_route():
    assert {tuple(call.split(" ")) for call in openapi.described()["calls"]} == set(routes())


def test_every_reference_leads_somewhere(described):
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)))
    assert found <= described["components"]["schemas"].keys()


def test_every_agents_input_is_the_schema_that_validates(server, described):
    agents = server.http.get("/api/agents").json()["items"]
    schemas = described["components"]["schemas"]
    assert len(agents) == len(schemas["Start"]["properties"]["input"]["anyOf"])
    for agent in agents:
        fits(described, "Agent", agent)
        shape = schemas[agent["input"]["title"]]
        assert shape["properties"].keys() == agent["input"]["properties"].keys()


@pytest.mark.parametrize(
    "message",
    [
        script("One two"),
        script("One two", fail_after=1, fault="upstream_error"),
        script("", fail_after=0, fault="provider_auth"),
    ],
)
def test_every_event_of_a_stream_has_its_shape(server, described, message):
    found = events(server.read(server.start(message)["stream_id"]))
    for event in found:
        fits(described, "Event", event)
        fits(described, f"{event['type'].title()}Event", event)


def test_the_answers_of_a_start_and_a_stop_have_their_shapes(server, described):
    started = server.start(script("One two three", pace_ms=100))
    fits(described, "Started", started)
    fits(described, "Stopped", server.stop(started["stream_id"]))
    fits(described, "Execution", server.execution(started["execution_id"]))
    fits(described, "Problem", server.http.get("/api/stream/unknown").json())


def test_the_page_loads_nothing_from_elsewhere_and_may_not(server):
    page = server.http.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert parts
    for part in parts:
        assert server.http.get(f"/{part}").status_code == 200
    assert server.http.get("/docs/docs.html").status_code == 404
    assert "innerHTML" not in server.http.get("/docs/docs.js").text


def test_the_page_shows_every_call_in_a_browser_and_complains_of_nothing(server, described):
    drawn = subprocess.run(
        [
            *(needs("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--virtual-time-budget=10000", "--enable-logging=stderr", f"{server.url}/docs"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert [line for line in drawn.stderr.splitlines() if "CONSOLE" in line] == []
    for method, path, _ in calls(described):
        assert f"<code>{method} {path}</code>" in drawn.stdout
