"""A new agent is one file: found, described, checked, streamed and tracked like the others."""

import os

import pytest

from tests.serving import events, is_problem, serve, text

AGENT = '''
"""Greeter: says hello to a lead."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from agents.base import BaseAgent, Events
from errors import Conflict
from routing.ask import TaskType


class GreeterInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    words: str


class Greeter(BaseAgent):
    """Says hello, in the words that it is given."""

    agent_type: ClassVar[str] = "greeter"
    task_type: ClassVar[TaskType] = TaskType.CONVERSATION
    Input: ClassVar[type[BaseModel]] = GreeterInput

    async def prepare(self, input_data: GreeterInput) -> None:
        if input_data.words == "go away":
            raise Conflict("Nobody is greeted like that.", code="impolite")

    async def stream_execute(self, input_data: GreeterInput) -> Events:
        async for event in self.model_router.stream_request(
            task_type=self.task_type, prompt=input_data.words
        ):
            yield event
'''

# What Python runs before anything else: the folder of agents gets a second place.
FIND_IT = """
import agents

agents.__path__.append({folder!r})
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agents")
    (folder / "greeter.py").write_text(AGENT)
    start = tmp_path_factory.mktemp("start")
    (start / "sitecustomize.py").write_text(FIND_IT.format(folder=str(folder)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(start), os.getcwd()]))
        with serve(tmp_path_factory.mktemp("leadstream")) as server:
            yield server


def test_it_is_described_like_the_others(server):
    agents = {a["agent_type"]: a for a in server.http.get("/api/agents").json()["items"]}
    assert agents["greeter"]["description"] == "Says hello, in the words that it is given."
    assert agents["greeter"]["input"]["required"] == ["words"]
    assert {"bdr", "conversation", "growth", "marketing"} <= agents.keys()


def test_it_streams_and_is_tracked(server):
    lead = {"first_name": "Ann"}
    answer = server.http.post("/api/agents/greeter/stream", json={"words": "Hi you", "lead": lead})
    assert text(answer.content) == "Hi you"
    assert events(answer.content)[-1]["type"] == "complete"
    execution = server.execution(answer.headers["x-execution-id"])
    assert (execution["agent_type"], execution["status"]) == ("greeter", "success")
    assert execution["metadata"]["attempts"][0]["provider"] == "scripted"


def test_its_input_is_checked(server):
    answer = server.http.post("/api/agents/greeter/execute", json={"word": "Hi", "lead": {}})
    is_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize("path", ["/api/agents/greeter/stream", "/api/agents/greeter/execute"])
def test_it_may_refuse_before_anything_begins(server, path):
    before = server.count()
    answer = server.http.post(path, json={"words": "go away", "lead": {}})
    assert is_problem(answer, 409, "impolite")["detail"] == "Nobody is greeted like that."
    assert server.count() == before
