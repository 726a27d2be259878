"""The examples for browsers, in one: plain EventSource, the hook without a build, and Vite."""

import shutil
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser import browser
from tests.needs import needs
from tests.proxies import running
from tests.serving import ROOT, serve

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def opened():
    with browser() as found:
        yield found


@pytest.fixture
def chromium(opened):
    """Left empty: a page that outlives its server complains into the next test."""
    yield opened
    opened.open("about:blank")
    opened.complaints()


@contextmanager
def elsewhere(folder):
    """The files of a folder, from an origin that is not Leadstream's."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def complaints(chromium):
    """No page here has an icon, and no browser that does not ask for one."""
    return [said for said in chromium.complaints() if "favicon.ico" not in said]


@pytest.mark.parametrize("page", ["browser.html", "react.html"])
def test_a_page_of_another_origin_streams_where_the_server_lists_it(tmp_path, chromium, page):
    with elsewhere(tmp_path) as origin, serve(tmp_path, cors_origins=origin) as server:
        text = (EXAMPLES / page).read_text().replace("http://127.0.0.1:8001", server.url)
        (tmp_path / page).write_text(text)
        chromium.open(f"{origin}/{page}?server={server.url}")
        chromium.click("button", "Ask")
        chromium.sees("asks for a discount?", "pre")
        chromium.until("return /^(complete|done)$/.test(document.querySelector('p').textContent)")
        assert complaints(chromium) == []


@pytest.fixture
def project(tmp_path):
    """The Vite example, installed, with what it takes from this repository."""
    shutil.copytree(ROOT / "web", tmp_path / "web")
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(EXAMPLES / "vite-react", tmp_path / "examples/vite-react", ignore=ignored)
    folder = tmp_path / "examples/vite-react"
    command = [needs("npm"), "ci", "--prefer-offline", "--no-audit", "--no-fund"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    return folder


def test_the_vite_project_builds_and_streams_a_qualification(tmp_path, project, chromium):
    vite = project / "node_modules/.bin/vite"
    built = subprocess.run([vite, "build"], cwd=project, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with serve(tmp_path) as server:
        port = running.free_port()
        command = [
            vite,
            "preview",
            project,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--strictPort",
        ]
        proxied = {"LEADSTREAM": server.url}
        with running.running(command, port, tmp_path, **proxied):
            chromium.open(f"http://127.0.0.1:{port}/")
            chromium.click("button", "Qualify")
            chromium.sees("done", "[role=status]")
            chromium.sees("tier", "dl")
            assert complaints(chromium) == []
