"""Words for people with curl: `Accept: text/plain`."""

import re

import pytest

from tests.serving import events, script, serve, words

PLAIN = {"accept": "text/plain"}


def say(server, message, **beside):
    """What a terminal shows of a conversation."""
    answer = server.http.post(
        "/api/agents/conversation/stream", json={"message": message, **beside}, headers=PLAIN
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no"
    return answer.text


def test_the_words_alone_and_one_line_of_receipt(server):
    shown = say(server, script("Hello, Anna.\nHow are you?"))
    assert re.fullmatch(
        r"Hello, Anna\.\nHow are you\?\n\n"
        r"— 5 tokens · \d+\.\d s to first · \$0 · scripted/script\n",
        shown,
    )


def test_the_words_come_as_they_are_said(server):
    """The first one is there while the last one is not written yet."""
    message = {"message": script(words(300), pace_ms=50)}
    url = "/api/agents/conversation/stream"
    with server.http.stream("POST", url, json=message, headers=PLAIN) as answer:
        assert next(answer.iter_text()).startswith("w1 ")
        server.stop(answer.headers["x-stream-id"])


def test_what_would_steer_a_terminal_is_not_shown(server):
    shown = say(server, script("a\x1b[2Jb\x07c\x9bd\re\tf\x7fg"))
    assert shown.splitlines()[0] == "a[2Jbcde\tfg"


def test_a_stream_that_is_stopped_says_so_in_its_last_line(server):
    started = server.start(script(words(300), pace_ms=50))
    with server.follow(started["stream_id"], accept="text/plain") as reading:
        reading.until(b"w3")
        server.stop(started["stream_id"])
        *_, last = reading.rest().decode().splitlines()
    assert re.fullmatch(r"— stopped: requested · \d+ tokens · .* · scripted/script", last)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("failing"), retry_base_s=0.001) as server:
        yield server


def test_a_stream_that_fails_says_so_in_its_last_line(failing):
    shown = say(failing, script(words(5), fail_after=3))
    *_, last = shown.splitlines()
    assert shown.startswith("w1 w2 w3 ")
    assert last.startswith("— error: ")
    assert last.endswith(" —")


def test_warnings_and_fields_are_not_shown(failing):
    """It is tried three times before the first word, and each retry is a warning."""
    shown = say(failing, script(words(5), fail_after=0))
    assert shown.startswith("— error: ")
    assert len(shown.splitlines()) == 1


def test_words_that_are_taken_back_are_followed_by_why(tmp_path):
    with serve(tmp_path) as server:
        stream_id = server.start(script(words(30), pace_ms=10), detach=True)["stream_id"]
        with server.follow(stream_id) as reading:
            reading.until(b'"token"', times=5)
        server.kill()
        server.run()
        shown = server.read(stream_id, accept="text/plain").decode()
        before, again = shown.split("\n\n— starting again: recovered —\n")
        assert words(30).startswith(before.strip())
        assert again.startswith(words(30) + "\n\n— ")


def test_a_reader_ahead_of_the_log_is_told_and_gets_the_whole(server):
    stream_id = server.start(script(words(5)))["stream_id"]
    whole = server.read(stream_id, accept="text/plain").decode()
    again = server.read(stream_id, "?after=999", accept="text/plain").decode()
    assert again == "— starting again: rewind —\n" + whole


def test_a_reader_may_go_on_in_words_from_any_place(server):
    stream_id = server.start(script(words(5)))["stream_id"]
    server.read(stream_id)
    assert server.read(stream_id, "?after=6", accept="text/plain").startswith(b"w4 w5\n")


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "text/event-stream, text/plain"])
def test_whoever_does_not_ask_for_words_gets_events(server, accept):
    stream_id = server.start(script(words(2)))["stream_id"]
    with server.follow(stream_id, accept=accept) as reading:
        assert reading.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert b"id: 1\n" in reading.rest()


def test_each_field_of_an_answer_is_a_paragraph_of_its_own(server):
    answer = server.http.post(
        "/api/agents/bdr/stream",
        json={"lead": {"email": "grace@acme.example"}, "override": True, "provider": "scripted"},
        headers={"accept": "text/plain"},
    )
    fields = [e for e in events(server.read(answer.headers["x-stream-id"])) if e.get("field")]
    assert [e["field"] for e in fields] == ["opening", "close", "follow_up_draft"]
    assert "\n\n".join(e["content"] for e in fields) in answer.text
