"""The same start sent twice is one execution; a conversation answers one message at a time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import events, is_problem, script, text, types, words

KEY = "Idempotency-Key"


def test_the_same_start_again_is_the_same_stream(server):
    first = server.try_to_start("hello", headers={KEY: "a"})
    again = server.try_to_start("hello", headers={KEY: "a"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


def test_a_key_belongs_to_its_body(server):
    server.start("hello", headers={KEY: "b"})
    other = server.try_to_start("something else", headers={KEY: "b"})
    is_problem(other, 422, "idempotency_key_reused")
    other = server.try_to_start("hello", headers={KEY: "b"}, lead_id="somebody-else")
    is_problem(other, 422, "idempotency_key_reused")


def test_twenty_at_once_start_one(server):
    before = server.count()
    with ThreadPoolExecutor(20) as clicks:
        answers = list(
            clicks.map(lambda _: server.try_to_start("hello", headers={KEY: "c"}), range(20))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["stream_id"] for answer in answers}) == 1
    assert server.count() == before + 1


def test_a_refused_start_leaves_its_key_free(server):
    is_problem(server.try_to_start("", headers={KEY: "d"}), 422)
    assert server.try_to_start("hello", headers={KEY: "d"}).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9".encode()])
def test_a_key_that_is_none_is_refused(server, key):
    before = server.count()
    is_problem(server.try_to_start("hello", headers={KEY: key}), 400, "bad_idempotency_key")
    assert server.count() == before


def test_a_message_sent_again_is_answered_once(server):
    turn = {"conversation_id": "resent", "client_msg_id": "m1"}
    first = server.try_to_start("hello", more=turn)
    again = server.try_to_start("hello", more=turn)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["stream_id"] == again.json()["stream_id"]


def test_a_second_message_is_told_who_is_being_answered(server):
    turn = {"conversation_id": "busy"}
    running = server.start(script(words(340), pace_ms=50), more=turn)
    problem = is_problem(server.try_to_start("and?", more=turn), 409, "conversation_busy")
    assert problem["stream_id"] == running["stream_id"]
    server.stop(running["stream_id"])
    assert server.try_to_start("and?", more=turn).status_code == 201


def test_a_second_message_may_take_the_firsts_place(server):
    turn = {"conversation_id": "taken-over"}
    first = server.start(script(words(340), pace_ms=50), more=turn)
    with server.follow(first["stream_id"]) as reading:
        reading.until(b'"token"', times=3)
        second = server.start("and now?", more={**turn, "if_busy": "stop"})
        body = reading.rest()
    assert events(body)[-1]["reason"] == "superseded"
    server.read(second["stream_id"])
    said = server.http.get("/api/conversations/taken-over").json()["items"]
    assert [message["role"] for message in said] == ["user", "assistant"] * 2
    assert said[1]["content"] == text(body)
    assert said[3]["content"] == "and now?"


def test_a_conversation_is_remembered(server):
    """The scripted provider counts the words of all messages that it was sent."""
    turn = {"conversation_id": "remembered"}
    first = server.read(server.start("one two three", more=turn)["stream_id"])
    second = server.read(server.start("four five", more=turn)["stream_id"])
    assert events(first)[-1]["metadata"]["input_tokens"] == 3
    assert events(second)[-1]["metadata"]["input_tokens"] == 3 + 3 + 2
    other = server.read(server.start("six", more={"conversation_id": "another"})["stream_id"])
    assert events(other)[-1]["metadata"]["input_tokens"] == 1
    assert types(other)[-1] == "complete"


def test_an_unknown_conversation_is_none(server):
    is_problem(server.http.get("/api/conversations/nobody"), 404, "unknown_conversation")
