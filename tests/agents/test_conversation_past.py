"""A conversation's past: a person is told once that a machine writes, and what was said is kept."""

from datetime import timedelta

import pytest

from agents.base import Context
from agents.conversation import Conversation
from errors import Reset
from routing.ask import Begun
from routing.receipt import Receipt
from store import conversations, streams
from store import executions as table
from store.database import Database
from tests.agents.reference import BEGIN, HOT, prose, result, run
from tests.agents.turning import turn
from tests.routing.fakes import Fake, router_of, whole

pytestmark = pytest.mark.anyio


def spoken(execution_id, minute, question, answer):
    """A turn that was spoken before, as its execution has stored it."""
    at = BEGIN + timedelta(minutes=minute)
    row = {"execution_id": execution_id, "stream_id": f"st_{execution_id}"}
    row |= {"owner": "", "agent_type": "conversation", "lead_id": None, "input": {}, "options": {}}
    return [
        streams.created(row["stream_id"], "", at),
        table.created(row, at),
        conversations.said("talk", execution_id, "user", question, at),
        conversations.said("talk", execution_id, "assistant", answer, at + timedelta(seconds=1)),
    ]


async def test_a_known_person_is_told_first_that_a_machine_writes_and_told_once(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        known = {"lead": HOT, "database": database, "conversation_id": "talk"}
        events, _ = await turn("Hello", "Good ", **known)
        tokens = [e["content"] for e in events if e["type"] == "token"]
        assert tokens == [
            "You are writing with an AI assistant of Harborlight (fictional). ",
            "Good ",
        ]
        await database.write(*spoken("ex_0", 0, "Hello", "".join(tokens)))
        events, _ = await turn("And now?", "Fine.", **known)
        assert prose(events) == "Fine."


async def test_an_unknown_visitors_model_is_told_to_say_it():
    _, fake = await turn("Hello")
    assert "that you are an AI assistant" in fake.requests[0].system
    _, fake = await turn("Hello", mode="assist_rep")
    assert "that you are an AI assistant" not in fake.requests[0].system


async def test_behind_a_reset_it_is_said_again():
    first = Fake("first", ["Never ", Reset("gone")])
    second = Fake("second", whole("Hello."))
    agent = Conversation(router_of(first, second), Context("ex_1", None, HOT))
    events = await run(agent, message="Hi")
    kinds = [e["type"] for e in events if e["type"] in ("token", "reset", "field")]
    assert kinds == ["field", "token", "token", "reset", "field", "token", "token", *["field"] * 5]
    assert result(events)["conversation_id"] == events[0]["value"]


async def test_a_reply_that_goes_on_from_its_own_words_does_not_say_it_again():
    fake = Fake("told", whole("we are."), continues=True)
    begun = Begun("told/m", "You are writing with an AI assistant. Yes, ")
    router = router_of(fake)
    receipt = Receipt("conversation", router.candidates.prices)
    options = {"begun": begun, "on_failure": "continue"}
    agent = Conversation(router.bound(receipt, options), Context("ex_1", None, HOT))
    events = await run(agent, message="Are you a machine?")
    assert prose(events) == "we are."
    assert fake.requests[0].prefix == begun.text


async def test_turns_older_than_twelve_are_summed_up_by_rules_and_facts_stay(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        for number in range(15):
            question = f"We are {100 + number} people. Question {number}?"
            await database.write(*spoken(f"ex_{number:02}", number, question, f"Answer {number}."))
        known = {"database": database, "conversation_id": "talk"}
        events, fake = await turn("And now?", "Well.", **known)
    (request,) = fake.requests
    assert len(request.messages) == 25
    assert "They: Question 0?" in request.system
    assert "We: Answer 2." in request.system
    assert "Question 3?" not in request.system
    assert "employee_count: 114" in request.system
    assert result(events)["summary"].startswith("They: Question 0?")
    assert request.system.index("[[DATA") < request.system.index("employee_count")


async def test_a_summary_has_a_bound_and_loses_the_oldest_first(tmp_path):
    async with Database(tmp_path / "leadstream.db") as database:
        for number in range(60):
            said = f"Question {number} " + "and so on " * 300
            await database.write(*spoken(f"ex_{number:02}", number, said, "So it is. " * 90))
        events, _ = await turn("And now?", "Well.", database=database, conversation_id="talk")
    summary = result(events)["summary"]
    assert len(summary) <= 1500
    assert "Question 47" in summary
    assert "Question 0 " not in summary
