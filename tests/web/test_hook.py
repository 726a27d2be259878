"""The hook in React itself, from another origin: StrictMode, unmounting, a flood of tokens."""

import json
import os
import subprocess
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.serving import script, serve, words
from tests.test_web_examples import elsewhere
from tests.web import react
from tests.web.conftest import NETWORK
from tests.web.tcp_proxy import TcpProxy

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">{{"imports": {{"react": "./{react}.mjs"}}}}</script>
<div id="root"></div>
<script type="module">
  import {{ createElement as h, createRoot, StrictMode, useState }} from "react";
  import {{ useAgentStream }} from "{server}/web/use-agent-stream.js";

  const options = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  window.renders = 0;
  function Answer() {{
    const stream = useAgentStream({{ ...options, autoStart: true }});
    window.renders += 1;
    window.stream = stream;
    return h("div", null, h("p", null, stream.status), h("pre", null, stream.text));
  }}
  function Page() {{
    const [shown, setShown] = useState(true);
    window.show = setShown;
    return shown ? h(Answer) : null;
  }}
  createRoot(document.getElementById("root")).render(h(StrictMode, null, h(Page)));
</script>
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that lists a page's origin; `server.page(options)` is that page's address."""
    pages = tmp_path_factory.mktemp("pages")
    with (
        elsewhere(pages) as origin,
        serve(tmp_path_factory.mktemp("server"), cors_origins=origin) as server,
    ):
        server.pages, server.origin = pages, origin
        yield server


@pytest.fixture(scope="module", params=["18.3.1", "19.3.1"])
def react_module(request, tmp_path_factory):
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("react") if cache else tmp_path_factory.mktemp("react")
    try:
        return react.bundle(react.install(folder, request.param))
    except (OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"npm cannot install React: {error}")


@pytest.fixture
def open_page(chromium, server, react_module):
    """`open_page(say=…)` mounts the hook in StrictMode, with a start of its own."""
    # Names of their own: within a second the browser would take the one for the other.
    name = uuid4().hex
    (server.pages / f"{name}.mjs").write_text(react_module)
    expected = []

    def opened(text, *, through=None, network=(), **how):
        expected.extend(network)
        url = through or server.url
        (server.pages / f"{name}.html").write_text(PAGE.format(server=url, react=name))
        options = {"agent": "conversation", "input": {"message": script(text, **how)}}
        chromium.open("about:blank")
        chromium.open(f"{server.origin}/{name}.html#{quote(json.dumps(options))}")
        return chromium

    yield opened
    chromium.open("about:blank")
    said = [s for s in chromium.complaints() if not any(part in s for part in expected)]
    assert said == []


def test_strict_mode_mounts_twice_and_starts_once(open_page, server):
    before = server.count()
    with TcpProxy(server.port) as wire:
        page = open_page("one two three", through=wire.url)
        page.sees("done", "p")
        assert page.sees("one", "pre").endswith("one two three")
        assert len(wire.asked("/api/agents/conversation/stream")) == 1
    assert server.count() == before + 1


def test_unmounting_leaves_the_agent_at_work_and_stop_ends_it(open_page, server):
    page = open_page(words(500), pace_ms=20)
    page.sees("w2", "pre")
    stream_id = page.run("return stream.streamId")
    page.run("show(false)")
    page.until("return !document.querySelector('p')")
    with server.follow(stream_id) as reading:
        reading.until(b"w9 ")
    page.run("show(true)")
    page.until("return stream.streamId && stream.text.includes('w2 ')")
    page.run("stream.stop()")
    page.sees("stopped", "p")
    server.stop(stream_id)


def test_three_hundred_tokens_are_a_few_dozen_renderings(open_page):
    """StrictMode renders twice each time: a rendering for each token would be 600."""
    page = open_page(words(300), pace_ms=1)
    page.sees("done", "p")
    assert page.run("return stream.text").endswith(words(300))
    assert page.run("return renders") < 300


def test_a_drop_from_another_origin_is_made_up_for(open_page, server):
    before = server.count()
    with TcpProxy(server.port) as wire:
        page = open_page(words(60), pace_ms=20, through=wire.url, network=[NETWORK])
        page.sees("w5 ", "pre")
        wire.cut()
        page.sees("reconnecting", "p")
        page.sees("done", "p")
        assert page.run("return stream.text").endswith(words(60))
        assert page.run("return stream.text.match(/w5 /g).length") == 1
    assert server.count() == before + 1


def test_an_event_source_that_is_not_closed_asks_a_finished_stream_twice_at_most(chromium, server):
    stream_id = server.start("one two")["stream_id"]
    server.read(stream_id)
    with TcpProxy(server.port) as wire:
        chromium.open(f"{wire.url}/livez")
        chromium.run(
            f"""window.got = [];
                window.events = new EventSource("/api/stream/{stream_id}");
                events.onmessage = ({{ data }}) => got.push(JSON.parse(data).type);"""
        )
        chromium.until("return events.readyState === EventSource.CLOSED")
        got = chromium.run("return got")
        assert (got[0], got[-1], got.count("complete")) == ("start", "complete", 1)
        assert len(wire.asked(f"/api/stream/{stream_id}")) == 2
        chromium.open("about:blank")
    assert [said for said in chromium.complaints() if "favicon.ico" not in said] == []
    last = server.http.get(f"/api/stream/{stream_id}?after={len(got)}")
    assert last.status_code == 204
