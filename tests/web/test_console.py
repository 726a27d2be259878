"""The console's files over HTTP: what may be kept, what may run, and from where it works."""

import re

import httpx
import pytest

from tests.serving import is_problem, serve

MODULES = ("web/agent-stream.js", "web/use-agent-stream.js", "web/vendor/htm-3.1.1/htm.mjs")


def directives(answer):
    said = answer.headers["content-security-policy"].split("; ")
    return {name: rest for name, _, rest in (one.partition(" ") for one in said)}


def test_the_page_may_run_our_modules_and_its_import_map_and_nothing_else(server):
    found = directives(server.http.get("/"))
    assert found["default-src"] == found["base-uri"] == found["form-action"] == "'none'"
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", found["script-src"])
    assert found["style-src"] == found["connect-src"] == "'self'"
    assert found["require-trusted-types-for"] == "'script'"
    assert found["frame-ancestors"] == "'none'"


def test_the_page_has_no_inline_style_and_no_inline_handler(server):
    assert not re.search(r"\s(style|on\w+)=", server.http.get("/").text)


@pytest.mark.parametrize("path", MODULES)
def test_a_module_is_served_as_one_that_any_page_may_import(server, path):
    answer = server.http.get(f"/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_has_its_version_in_its_path_is_kept_and_the_rest_is_asked_for_again(server):
    ours, theirs = server.http.get(f"/{MODULES[0]}"), server.http.get(f"/{MODULES[2]}")
    assert "immutable" in theirs.headers["cache-control"]
    assert ours.headers["cache-control"] == "no-cache"
    again = server.http.get(f"/{MODULES[0]}", headers={"If-None-Match": ours.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/web/nothing.js", "/web/../settings.py", "/web/%2e%2e/settings.py"]
)
def test_there_is_nothing_beside_the_folder(server, path):
    is_problem(server.http.get(path), 404)


def test_a_frame_is_allowed_to_whom_the_setting_names(tmp_path):
    with serve(tmp_path, frame_ancestors="https://crm.example") as server:
        assert directives(server.http.get("/"))["frame-ancestors"] == "https://crm.example"


@pytest.mark.parametrize("value", ["*; script-src *", "https://a.example, https://b.example"])
def test_a_frame_setting_that_would_be_another_policy_stops_the_start(tmp_path, value):
    with pytest.raises(AssertionError, match="LEADSTREAM_FRAME_ANCESTORS"):
        serve(tmp_path, frame_ancestors=value).__enter__()


@pytest.mark.parametrize("page", ["/", "/sales/"])
def test_every_address_in_the_page_is_found_below_a_prefix(tmp_path, page):
    with serve(tmp_path, root_path="/sales") as server:
        shown = server.http.get(page)
        assert shown.status_code == 200
        for address in re.findall(r'"(\./web/[^"]+)"', shown.text):
            assert server.http.get(str(httpx.URL(page).join(address))).status_code == 200, address


def test_the_prefix_alone_leads_to_the_page(tmp_path):
    with serve(tmp_path, root_path="/sales") as server:
        answer = server.http.get("/sales", follow_redirects=True)
        assert (answer.status_code, answer.url.path) == (200, "/sales/")
