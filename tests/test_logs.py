"""Log lines: for machines or for people, with ids, and without anybody's words."""

import io
import json
import logging

import pytest

import logs
from errors import Problem
from tests.serving import script, serve

SECRET = "Ada Lovelace <ada@example.com>"


def line(formatter, message="It happened.", error=None, **fields):
    record = logging.LogRecord("leadstream.x", logging.INFO, "x.py", 1, message, (), None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    record.__dict__.update(logs.about(**fields))
    return formatter.format(record)


def raised(error, because=None):
    try:
        raise error from because
    except type(error) as caught:
        return caught


def lines(server, message):
    found = map(json.loads, server.logged().splitlines())
    return [line for line in found if line["message"] == message]


def test_a_line_is_one_json_object_with_its_ids():
    said = json.loads(line(logs.JsonLines(), stream_id="st_1", error_code=None))
    assert said.pop("at").endswith("+00:00")
    assert said == {
        "level": "info",
        "logger": "leadstream.x",
        "message": "It happened.",
        "stream_id": "st_1",
    }


def test_on_a_terminal_a_line_is_text_and_steers_nothing():
    said = line(logs.TextLines(), "a\x1b[2J\nforged", stream_id="st_1")
    assert said.endswith(r"INFO    leadstream.x a\x1b[2J\x0aforged stream_id=st_1")


@pytest.mark.parametrize(
    ("how", "terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)],
)
def test_the_format_follows_the_setting_and_the_terminal(monkeypatch, how, terminal, is_json):
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.WARNING))
    monkeypatch.setattr(logging.getLogger("leadstream"), "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "level", logging.NOTSET)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    logs.log_to(stream, how)
    logging.root.warning("hello")
    assert stream.getvalue().startswith("{") == is_json


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.TextLines()])
@pytest.mark.parametrize(
    "error", [ValueError(SECRET), raised(RuntimeError("x"), because=KeyError(SECRET))]
)
def test_an_exception_is_told_without_what_it_quotes(formatter, error):
    said = line(formatter, error=raised(error))
    assert SECRET not in said
    assert "Traceback" in said
    assert "test_logs.py" in said
    assert type(error).__name__ in said


def test_our_own_problems_and_the_disks_are_told_in_full():
    said = line(logs.TextLines(), error=raised(Problem("No.")))
    assert said.endswith("Problem: No.")
    assert line(logs.TextLines(), error=raised(OSError(28, "full"))).endswith("full")


def test_an_execution_has_a_line_at_each_end_and_its_failures_name_it(tmp_path):
    with serve(tmp_path, retry_attempts=0) as server:
        good = server.start(script("One two"))
        server.read(good["stream_id"])
        bad = server.start(script("One", fail_after=0, fault="upstream_error"))
        server.read(bad["stream_id"])
        ids = [(s["stream_id"], s["execution_id"]) for s in (good, bad)]
        for message in ("execution begun", "execution ended"):
            assert [(x["stream_id"], x["execution_id"]) for x in lines(server, message)] == ids
        ended, failed = lines(server, "execution ended")
        assert (ended["status"], ended["level"]) == ("success", "info")
        assert (failed["status"], failed["level"]) == ("failed", "warning")
        assert failed["error"] == "upstream_error"
        told = [
            json.loads(x) for x in server.logged().splitlines() if "scripted/script failed" in x
        ]
        assert [x["execution_id"] for x in told] == [bad["execution_id"]]
