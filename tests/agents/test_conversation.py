"""The conversation agent: what the model is told, and what is remembered."""

from datetime import UTC, datetime, timedelta

import pytest

from agents.base import Context
from agents.conversation import Conversation, ConversationInput
from routing.ask import TaskType
from store import conversations, streams
from store import executions as table
from store.database import Database
from tests.serving import events, script, serve, text, words

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Listener:
    """Stands where the router does, and keeps what it was asked."""

    def stream_request(self, **asked):
        self.asked = asked
        return self._answer()

    async def _answer(self):
        yield {"type": "token", "content": "Hello."}
        yield {"type": "complete", "metadata": {}}


async def asked(input_data, context=None):
    """What the model is asked for this input."""
    listener = Listener()
    await Conversation(listener, context).execute(ConversationInput(**input_data))
    return listener.asked


@pytest.fixture
async def database(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        yield database


def past(execution_id, number):
    """A turn that was spoken before, as its execution has stored it."""
    at = BEGIN + timedelta(minutes=number)
    names = {"execution_id": execution_id, "stream_id": f"st_{execution_id}"}
    row = {
        **names,
        "owner": "",
        "agent_type": "conversation",
        "lead_id": None,
        "input": {},
        "options": {},
    }
    return [
        streams.created(names["stream_id"], "", at),
        table.created(row, at),
        conversations.said("talk", execution_id, "user", f"question {number}", at),
        conversations.said(
            "talk", execution_id, "assistant", f"answer {number}", at + timedelta(seconds=5)
        ),
    ]


@pytest.mark.anyio
async def test_the_model_sees_the_last_twelve_turns_in_their_order(database):
    for number in range(15):
        await database.write(*past(f"ex_{number:02}", number))
    told = await asked(
        {"message": "and now?", "conversation_id": "talk"}, Context("ex_now", database)
    )
    said = [(message.role, message.content) for message in told["prompt"]]
    turns = [
        turn
        for number in range(3, 15)
        for turn in (("user", f"question {number}"), ("assistant", f"answer {number}"))
    ]
    assert said == [*turns, ("user", "and now?")]


@pytest.mark.anyio
async def test_a_turn_that_is_begun_anew_is_not_told_its_own_first_half(database):
    await database.write(*past("ex_00", 0), *past("ex_now", 1))
    told = await asked(
        {"message": "question 1", "conversation_id": "talk"}, Context("ex_now", database)
    )
    assert [message.content for message in told["prompt"]] == [
        "question 0",
        "answer 0",
        "question 1",
    ]


@pytest.mark.anyio
async def test_what_is_known_of_the_lead_comes_after_the_part_that_is_the_same_for_all(database):
    """So that a local model has read most of the prompt before anybody asks."""
    lead = {"first_name": "Anna", "company_name": "Acme", "notes": "not for the model"}
    told = await asked({"message": "hello"}, Context("ex", database, lead))
    assert told["system"].startswith(Conversation.system)
    assert "Anna" in told["system"]
    assert "Acme" in told["system"]
    assert "not for the model" not in told["system"]


@pytest.mark.anyio
async def test_a_colleague_is_helped_and_not_written_to():
    answering = await asked({"message": "hello"})
    assisting = await asked({"message": "hello", "mode": "assist_rep"})
    assert "colleague" in assisting["system"]
    assert "colleague" not in answering["system"]


def test_a_conversation_is_listed_as_it_was_spoken(server):
    turn = {"conversation_id": "listed"}
    first = server.start("How much is it?", more=turn)
    server.read(first["stream_id"])
    second = server.start("Too much.", more=turn)
    server.read(second["stream_id"])
    found = server.http.get("/api/conversations/listed").json()
    assert found["conversation_id"] == "listed"
    assert [(m["role"], m["content"], m["execution_id"]) for m in found["items"]] == [
        ("user", "How much is it?", first["execution_id"]),
        ("assistant", "How much is it?", first["execution_id"]),
        ("user", "Too much.", second["execution_id"]),
        ("assistant", "Too much.", second["execution_id"]),
    ]
    assert sorted(m["created_at"] for m in found["items"]) == [
        m["created_at"] for m in found["items"]
    ]


def test_a_new_conversation_is_given_a_name_that_its_stream_tells(server):
    body = server.read(server.start("hello")["stream_id"])
    field = events(body)[1]
    assert (field["type"], field["name"]) == ("field", "conversation_id")
    assert events(body)[-1]["result"]["conversation_id"] == field["value"]
    assert len(server.http.get(f"/api/conversations/{field['value']}").json()["items"]) == 2


def test_a_reply_that_was_broken_off_was_read_too_and_stays(tmp_path):
    with serve(tmp_path, retry_attempts=0) as server:
        broken = server.start(
            script(words(9), fail_after=4), more={"conversation_id": "talk"}, on_failure="fail"
        )
        body = server.read(broken["stream_id"])
        said = server.http.get("/api/conversations/talk").json()["items"]
        assert said[-1]["role"] == "assistant"
        assert said[-1]["content"] == text(body) == "w1 w2 w3 w4 "


@pytest.mark.anyio
async def test_whoever_objects_is_answered_by_the_best_judge_and_nobody_else_is():
    assert (await asked({"message": "That is too expensive for us."}))["fit_as"] is TaskType.BDR
    assert (await asked({"message": "Does it work with our calendar?"}))["fit_as"] is None
