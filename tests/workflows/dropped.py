"""Agents and workflows dropped into a server's folders: one file each, and no other change.

The agents are real ones; what they say is what their input tells the scripted model to say.
"""

import contextlib
import os
from unittest import mock

from tests import serving
from tests.serving import events, script

AGENT = '''
"""The agent {name}: says what it is told, and finds a score."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from agents.base import BaseAgent, Events
from errors import Conflict, Invalid
from routing.ask import TaskType


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")

    script: str = "one two three"
    score: int = 80
    told: str | None = None
    refuse: str | None = None


class Agent(BaseAgent):
    agent_type: ClassVar[str] = "{name}"
    task_type: ClassVar[TaskType] = TaskType.CONVERSATION
    Input: ClassVar[type[BaseModel]] = Input
    max_tokens: ClassVar[int] = 400

    async def prepare(self, input_data: Input) -> None:
        if input_data.refuse == "conflict":
            raise Conflict("Nobody works on this lead.", code="opted_out")
        if input_data.refuse == "invalid":
            raise Invalid("There is nothing to work on.")

    async def stream_execute(self, input_data: Input) -> Events:
        yield {{"type": "field", "name": "told", "value": input_data.told}}
        lead = self.context.lead or {{}}
        async for event in self.model_router.stream_request(
            task_type=self.task_type, prompt=input_data.script
        ):
            if event["type"] == "complete":
                event["result"] = {{"score": input_data.score, "company": lead.get("company_name")}}
            yield event
'''

WORKFLOW = '''
"""The workflow trial: find, judge, then write and draw at once, then close."""

from executions.workflow import Step, Workflow

trial = Workflow(
    "trial",
    {version},
    [
        Step("find"),
        Step("judge", needs=["find"], input=lambda found: {{"told": f"{{found.find.score}}"}}),
        Step(
            "write",
            needs=["judge"],
            when=lambda found: found.judge.score >= 60,
            otherwise="A score of 60 is needed, {{judge.score}} was found.",
        ),
        Step(
            "draw",
            needs=["judge"],
            when=lambda found: found.judge.score >= 60,
            otherwise="A score of 60 is needed, {{judge.score}} was found.",
        ),
        Step("close", needs=["write", "draw"]),
    ],
)
'''

PAIR = '''
"""The workflow pair: two at once, and a third with what they leave of half a cent."""

from decimal import Decimal

from executions.workflow import Step, Workflow

pair = Workflow(
    "pair",
    1,
    [Step("write"), Step("draw"), Step("close", needs=["write", "draw"])],
    budget_usd=Decimal("0.005"),
)
'''

# What Python runs before anything else: the folders get a second place.
FIND_THEM = """
import agents
import executions.workflows

agents.__path__.append({agents!r})
executions.workflows.__path__.append({workflows!r})
"""

BLUNT = {"retry_attempts": 0, "breaker_threshold": 10**6}
"""Settings under which one test's faults are no other's."""

STEPS = ("find", "judge", "write", "draw", "close")


@contextlib.contextmanager
def dropped(folder):
    """Whatever server starts meanwhile finds what is in folder/agents and folder/workflows."""
    alone = serving.environment
    for name in ("agents", "workflows"):
        (folder / name).mkdir()
    for name in STEPS:
        (folder / "agents" / f"{name}.py").write_text(AGENT.format(name=name))
    (folder / "workflows" / "trial.py").write_text(WORKFLOW.format(version=1))
    (folder / "workflows" / "pair.py").write_text(PAIR)
    places = {name: str(folder / name) for name in ("agents", "workflows")}
    (folder / "sitecustomize.py").write_text(FIND_THEM.format(**places))

    def environment(database, **settings):
        path = os.pathsep.join([str(folder), os.getcwd()])
        return alone(database, **settings) | {"PYTHONPATH": path}

    with mock.patch.object(serving, "environment", environment):
        yield folder


@contextlib.contextmanager
def serve_trial(tmp_path, **settings):
    """A server that knows the workflow trial; `server.dropped` is where its files are."""
    (tmp_path / "dropped").mkdir()
    with dropped(tmp_path / "dropped") as folder, serving.serve(tmp_path, **settings) as server:
        server.dropped = folder
        yield server


def try_to_start(server, workflow="trial", *, headers=None, lead_id="lead", **body):
    said = {"workflow": workflow, "lead": {"company_name": "Acme"}} | body
    return server.http.post(f"/api/workflows/start/{lead_id}", json=said, headers=headers)


def start(server, **body):
    answer = try_to_start(server, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def state(server, workflow_id):
    answer = server.http.get(f"/api/workflows/{workflow_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def resume(server, workflow_id):
    return server.http.post(f"/api/workflows/{workflow_id}/resume")


def says(words, **how):
    return {"script": script(words, **how)}


def steps(body):
    """`(step, state)` as they were told."""
    return [(e["step"], e["state"]) for e in events(body) if e["type"] == "step"]


def ended(body):
    """The last `step` event of each step."""
    return {e["step"]: e for e in events(body) if e["type"] == "step"}


def text_of(body, step):
    """What a reader has of a step at the end."""
    shown = ""
    for event in events(body):
        if event.get("step") == step:
            shown = "" if event["type"] == "reset" else shown + event.get("content", "")
    return shown
