"""All six agents with what everybody has: the bundled model alone, or none at all."""

import pytest

from providers.local import Local
from settings import Settings
from tests.agents.reference import HOT
from tests.serving import events, serve

BY_RULES = ["qualification", "enrichment", "growth", "marketing", "bdr"]


@pytest.fixture(scope="module", params=["bundled", "off"])
def alone(request, tmp_path_factory):
    """A server with the bundled model and nothing else, and one without even that."""
    if request.param == "bundled" and Local.missing(Settings(local_model="bundled")) is not None:
        pytest.skip("the bundled model does not install here")
    folder = tmp_path_factory.mktemp(request.param)
    settings = {"scripted": "off", "providers": "", "local_model": request.param}
    with serve(folder, **settings) as server:
        server.model = request.param
        yield server


def ask(server, agent, **said):
    answer = server.http.post(f"/api/agents/{agent}/stream", json={"lead": HOT, **said})
    assert answer.status_code == 200, answer.text
    return events(answer.content), server.execution(answer.headers["x-execution-id"])


@pytest.mark.parametrize("agent", BY_RULES)
def test_an_agent_that_judges_or_writes_says_what_rules_alone_can_say(alone, agent):
    shown, execution = ask(alone, agent, **({"override": True} if agent == "bdr" else {}))
    result = shown[-1]["result"]
    assert shown[-1]["type"] == "complete"
    assert result.get("method", "rules_only") == "rules_only"
    assert execution["status"] == "success"
    assert execution["result"] == result
    assert execution["metadata"]["total_cost_usd"] == 0


def test_a_conversation_is_the_toys_and_says_so_or_there_is_nobody_to_have_it(alone):
    shown, execution = ask(alone, "conversation", message="What does it do?")
    if alone.model == "off":
        assert shown[-1]["error"]["code"] == "provider_unavailable"
        assert execution["status"] == "failed"
        return
    assert "toy_model" in [e["code"] for e in shown if e["type"] == "warning"]
    assert execution["status"] == "success"
    assert execution["provider"] == "local"
    assert execution["text"]
