"""What every agent is: found by being there, and one path for streaming and for waiting."""

import pytest

from agents import load_agents
from agents.base import AgentResult
from agents.conversation import Conversation, ConversationInput
from routing.ask import TaskType

END = {"type": "complete", "metadata": {"provider": "none"}, "result": {"score": 7}}


def token(content):
    return {"type": "token", "content": content}


class Router:
    """Answers with the events that it is given."""

    def __init__(self, *events):
        self._events = events

    async def stream_request(self, **asked):
        for event in self._events:
            yield event


@pytest.mark.anyio
async def test_waiting_for_an_answer_gathers_what_streaming_it_shows():
    agent = Conversation(Router(token("One "), token("two."), END))
    streamed = AgentResult()
    async for event in agent.stream_execute(ConversationInput(message="hello")):
        streamed.take(event)
    waited = await agent.execute(ConversationInput(message="hello"))
    assert waited == streamed
    assert (waited.status, waited.text) == ("success", "One two.")
    assert waited.metadata == {"provider": "none"}


def test_a_reset_takes_back_what_was_said_before_it():
    result = AgentResult()
    for event in (token("Never "), {"type": "reset", "reason": "failover"}, token("Always."), END):
        result.take(event)
    assert result.text == "Always."


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (END, "success"),
        ({"type": "error", "error": {"code": "internal"}, "metadata": {}}, "failed"),
        ({"type": "stopped", "reason": "requested", "metadata": {}}, "stopped"),
    ],
)
def test_each_end_has_its_status_and_keeps_the_words(end, status):
    result = AgentResult()
    result.take(token("half"))
    result.take(end)
    assert (result.status, result.text) == (status, "half")
    assert result.error == end.get("error")


@pytest.mark.parametrize(("name", "agent"), load_agents().items(), ids=load_agents())
def test_an_agent_says_what_it_takes_and_what_it_is_for(name, agent):
    assert agent.agent_type == name
    assert agent.task_type in TaskType
    assert agent.__doc__
    assert agent.Input.model_json_schema()["type"] == "object"
    assert agent.Input.model_config["extra"] == "forbid"
    assert 0 < agent.usual_tokens <= agent.max_tokens
