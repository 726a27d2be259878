"""The ModelRouter: what an agent's author writes, as the design shows it."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from providers.base import Message
from routing.ask import TaskType
from routing.catalog import load_catalog
from routing.model_router import ModelRouter
from tests.routing.fakes import Fake, candidates, receipt_of, router_of, whole

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent


async def test_the_snippet_of_the_design_runs_as_written():
    cerebras = Fake("cerebras", whole("A ", "good ", "lead."), models=("gpt-oss-120b",))
    claude = Fake("claude", models=("claude-sonnet-5-5",))
    router = ModelRouter(candidates(cerebras, claude, catalog=load_catalog()))
    prompt = "Is Ada Lovelace a good lead?"
    chunks = []
    async for chunk in router.stream_request(task_type=TaskType.QUALIFICATION, prompt=prompt,
                                             max_latency_ms=1000, max_cost_usd=0.01):  # fmt: skip
        chunks.append(chunk)
    route, *words, complete = chunks
    assert route["type"] == "route"
    assert (route["provider"], route["model"]) == ("cerebras", "gpt-oss-120b")
    assert 0 < route["estimated_cost_usd"] < Decimal("0.01")
    assert {c["provider"]: c["verdict"] for c in route["considered"]} == {
        "cerebras": "chosen",
        "claude": "too_slow",
    }
    assert "".join(word["content"] for word in words) == "A good lead."
    assert complete["type"] == "complete"
    assert complete["metadata"]["total_cost_usd"] > 0


AGENT = """
import asyncio
from agents.base import BaseAgent
from routing.ask import TaskType
from tests.routing.fakes import Fake, receipt_of, router_of, whole
from tests.routing.virtual_time import VirtualLoop

class QualificationAgent(BaseAgent):
    async def stream_execute(self, input_data):
        async for chunk in self.model_router.stream_request(task_type=TaskType.QUALIFICATION,
                                                            prompt=self._build_prompt(input_data)):
            yield chunk

    def _build_prompt(self, input_data):
        return f"Is {input_data} a good lead?"

async def main():
    fake = Fake("a", whole("Ada ", "is."))
    router = router_of(fake)
    result = await QualificationAgent(router.bound(receipt_of(router), {})).execute("Ada")
    print(result.status, result.text, fake.requests[0].messages[0].content, sep="|")

with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    runner.run(main())
"""


def test_an_agent_written_as_the_design_shows_it_answers():
    """In a process of its own, because every subclass of BaseAgent is an agent of this one."""
    command = [sys.executable, "-W", "error", "-c", AGENT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout == "success|Ada is.|Is Ada a good lead?\n"


async def test_a_prompt_may_be_a_whole_conversation():
    fake = Fake("a")
    turns = [Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Who?")]
    async for _ in router_of(fake).stream_request(task_type=TaskType.CONVERSATION, prompt=turns):
        pass
    assert fake.requests[0].messages == tuple(turns)


async def test_a_bound_router_fills_in_what_the_caller_does_not_say():
    fake = Fake("a")
    router = router_of(fake)
    bound = router.bound(receipt_of(router), {"max_tokens": 77, "system": "Be brief."})
    async for _ in bound.stream_request(
        task_type=TaskType.QUALIFICATION, prompt="Who?", max_tokens=5
    ):
        pass
    assert (fake.requests[0].max_tokens, fake.requests[0].system) == (5, "Be brief.")


async def test_a_bound_router_writes_into_the_executions_receipt_over_all_its_requests():
    fake = Fake("a")
    router = router_of(fake)
    receipt = receipt_of(router)
    for _ in range(2):
        async for event in router.bound(receipt, {}).stream_request(
            task_type=TaskType.QUALIFICATION, prompt="Who?"
        ):
            last = event
    assert len(receipt.attempts) == 2
    assert last["metadata"]["output_tokens"] == 2


async def test_a_cost_bound_is_exact_whatever_it_was_written_as():
    router = router_of(Fake("a"))
    for bound in (0.01, "0.01", Decimal("0.01")):
        ask = router.ask(TaskType.QUALIFICATION, "Who?", {"max_cost_usd": bound})
        assert ask.max_cost_usd == Decimal("0.01")


async def test_a_model_that_nobody_has_heard_of_takes_its_providers_prior_and_has_no_price():
    claude = Fake("claude", models=("claude-of-next-year",))
    router = router_of(claude, catalog=load_catalog())
    events = [
        event
        async for event in router.stream_request(
            task_type=TaskType.QUALIFICATION, prompt="Who?", max_cost_usd=0.01
        )
    ]
    prior = load_catalog()["claude"]["prior"]
    assert events[0]["estimated_latency_ms"] == prior.ttft_ms + 200 * 1000 / prior.speed
    assert events[0]["estimated_cost_usd"] is None
    assert events[1]["code"] == "price_unknown"
    assert events[-1]["metadata"]["total_cost_usd"] is None


async def test_to_explain_calls_nobody():
    fake = Fake("a")
    router = router_of(fake)
    decision = router.explain(router.ask(TaskType.QUALIFICATION, "Who?", {}))
    assert decision.picked.provider == "a"
    assert decision.event()["type"] == "route"
    assert fake.calls == 0


async def test_the_route_shows_what_explain_shows():
    router = router_of(Fake("a"), Fake("b", missing="B_KEY"))
    explained = router.explain(router.ask(TaskType.QUALIFICATION, "Who?", {})).event()
    events = router.stream_request(task_type=TaskType.QUALIFICATION, prompt="Who?")
    assert await anext(events) == explained
    await events.aclose()
