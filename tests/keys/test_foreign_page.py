"""A page of another origin, in a real browser: it starts nothing here, and reads nothing.

Each attack is tried first from a page that may do it: an attack that could not work anyway would
prove nothing.
"""

import http.server
import threading
from types import SimpleNamespace

import pytest

from tests.browser import browser
from tests.serving import script, serve

SECRET = "The secret word is heliotrope."

START = "/api/agents/conversation/stream"
WAIT = "/api/agents/conversation/execute"

FETCH = """
const [url, method, mode, type] = args;
const body = method === "POST" ? '{"message": "hello"}' : undefined;
const headers = type ? {"Content-Type": type} : {};
try {
  const answer = await fetch(url, {method, mode, body, headers, credentials: "include"});
  return answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`;
} catch (error) { return "refused"; }
"""

EVENT_SOURCE = """
const events = new EventSource(args[0], {withCredentials: true});
return await new Promise((done) => {
  events.onmessage = (event) => { events.close(); done(event.data); };
  events.onerror = () => { if (events.readyState === 2) done("refused"); };
});
"""

WEB_SOCKET = """
const socket = new WebSocket(args[0].replace("http", "ws"));
return await new Promise((done) => {
  socket.onmessage = (event) => { socket.close(); done(event.data); };
  socket.onclose = () => done("refused");
});
"""

FORM = """
const frame = document.createElement("iframe");
frame.name = "answer";
const form = document.createElement("form");
Object.assign(form, {method: "POST", action: args[0], enctype: "text/plain", target: "answer"});
const field = document.createElement("input");
field.name = '{"message": "hello';
field.value = '"}';
form.append(field);
document.body.append(frame, form);
await new Promise((done) => { frame.onload = done; form.submit(); });
return "sent";
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page</title><body>Somebody's page.</body>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A Leadstream with a stream in it, somebody's pages, and a browser in which they are open."""
    foreign = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=foreign.serve_forever, daemon=True).start()
    with (
        serve(tmp_path_factory.mktemp("leadstream")) as server,
        browser("--host-resolver-rules=MAP evil.example 127.0.0.1") as window,
    ):
        begun = server.start(script(SECRET))
        server.read(begun["stream_id"])
        port = foreign.server_port
        yield SimpleNamespace(
            server=server,
            browser=window,
            stream=f"{server.url}{begun['stream_url']}",
            socket=f"{server.url}{begun['websocket_url']}",
            foreign=[f"http://evil.example:{port}/", f"http://127.0.0.1:{port}/"],
            rebound=f"http://evil.example:{server.port}",
        )
    foreign.shutdown()
    foreign.server_close()


def ran(window, script, *arguments):
    """What the body of an async function comes to."""
    window.run(
        "window.came = null;"
        f"(async (...args) => {{ {script} }})(...arguments)"
        ".then((value) => { window.came = {value}; }, (error) => { window.came = {error}; });",
        *arguments,
    )
    return window.until("return window.came")["value"]


def attacks(world, origin=None):
    """What each attack comes to, from the page that is open; `origin` in the place of ours."""
    there = origin or world.server.url
    stream = world.stream.replace(world.server.url, there)

    def run(script, *arguments):
        return ran(world.browser, script, *arguments)

    return {
        "form": run(FORM, f"{there}{WAIT}"),
        "simple": run(FETCH, f"{there}{START}", "POST", "no-cors", None),
        "json": run(FETCH, f"{there}{START}", "POST", "cors", "application/json"),
        "list": run(FETCH, f"{there}/api/executions", "GET", "cors", None),
        "text": run(FETCH, stream, "GET", "cors", None),
        "events": run(EVENT_SOURCE, stream),
        "socket": run(WEB_SOCKET, world.socket.replace(world.server.url, there)),
    }


def test_what_is_tried_works_from_our_own_page(world):
    before = world.server.count()
    world.browser.open(f"{world.server.url}/api/agents")  # a page of ours without a policy
    found = attacks(world)
    assert world.server.count() == before + 2, "the simple one and the one in JSON"
    assert "st_" in found["list"]
    assert SECRET.split()[0] in found["text"]
    assert '"start"' in found["events"]
    assert '"start"' in found["socket"]


def test_the_form_works_from_a_page_that_is_listed(world, tmp_path):
    """Our own page sends `Origin: null` with a form, because it sends no referrer."""
    page = world.foreign[0]
    with serve(tmp_path, cors_origins=page.rstrip("/")) as server:
        world.browser.open(page)
        ran(world.browser, FORM, f"{server.url}{WAIT}")
        assert server.count() == 1


@pytest.mark.parametrize("which", [0, 1], ids=["another site", "another port"])
def test_a_foreign_page_starts_nothing_and_reads_nothing(world, which):
    before = world.server.count()
    world.browser.open(world.foreign[which])
    found = attacks(world)
    assert world.server.count() == before
    assert found.pop("form") == "sent"
    assert set(found.values()) <= {"refused", "opaque"}


def test_a_name_that_was_made_to_point_here_starts_nothing_and_reads_nothing(world):
    before = world.server.count()
    world.browser.open(f"{world.rebound}/")
    found = attacks(world, world.rebound)
    assert world.server.count() == before
    for name in ("simple", "json", "list", "text"):
        assert found[name].startswith("421 "), name
        assert "st_" not in found[name]
    assert (found["events"], found["socket"]) == ("refused", "refused")
