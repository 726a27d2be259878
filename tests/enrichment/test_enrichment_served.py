"""Enrichment behind the real server: over SSE, in the store, and called back."""

import asyncio
import contextlib
from unittest import mock

import pytest

from tests import serving
from tests.enrichment.fakes import company, person
from tests.inside import inside
from tests.keys.keyed import bearer, made
from tests.serving import Leadstream, events, is_problem, rows, serve
from tests.upstream.script import Head, Hold

pytestmark = pytest.mark.anyio

EMAIL = "dana.okafor@brightquill.example"
LEAD = {"email": EMAIL, "first_name": "Dana", "language": "en"}


@pytest.fixture(autouse=True)
def known(fakes):
    fakes.people[EMAIL] = person()
    fakes.companies["brightquill.example"] = company()


@contextlib.contextmanager
def surroundings(variables):
    """What servers find in their environment beside the usual."""
    usual = serving.environment
    with mock.patch.object(serving, "environment", lambda *a, **s: usual(*a, **s) | variables):
        yield


@pytest.fixture
async def house(tmp_path, fakes):
    with surroundings(fakes.variables()):
        async with inside(tmp_path) as house:
            yield house


async def enriched(house, **said):
    body = {"lead": LEAD, **said}
    answer = await house.http.post("/api/agents/enrichment/stream", json=body)
    assert answer.status_code == 200, answer.text
    execution = await house.execution(answer.headers["x-execution-id"])
    return events(answer.content), execution


def call_back(house, callback_id, said, source="clay"):
    return house.http.post(f"/api/enrichment/{source}/callback/{callback_id}", json=said)


async def test_it_streams_and_is_stored_with_its_end(house, tmp_path):
    shown, execution = await enriched(house, sources=["apollo"])
    assert shown[0]["type"] == "start"
    assert shown[1]["name"] == "facts"
    assert (shown[-1]["type"], shown[-1]["result"]["status"]) == ("complete", "partial")
    assert execution["result"] == shown[-1]["result"]
    stored = rows(
        tmp_path / "leadstream.db",
        "SELECT lead_id, status, credits_spent, awaited FROM enrichment_results",
    )
    assert stored == [(execution["lead_id"], "partial", 2, None)]


async def test_what_was_learnt_is_known_to_the_agents_that_follow(house, fakes):
    _, execution = await enriched(house, sources=["apollo"])
    answer = await house.http.post(
        "/api/agents/growth/stream", json={"lead_id": execution["lead_id"]}
    )
    (facts,) = [e["value"] for e in events(answer.content) if e.get("name") == "facts"]
    known = {fact["field"]: fact for fact in facts}
    assert known["email"]["source"] == "lead record"
    assert (known["title"]["value"], known["title"]["source"]) == ("VP Finance", "apollo")
    assert known["title"]["confidence"] == 0.8
    assert known["title"]["observed_at"] is not None
    assert [fact["id"] for fact in facts] == [f"F{n}" for n in range(1, len(facts) + 1)]


async def test_what_the_user_enters_later_stands_before_what_was_learnt(house):
    _, execution = await enriched(house, sources=["apollo"])
    lead_id = execution["lead_id"]
    await house.http.patch(f"/api/leads/{lead_id}", json={"title": "CFO"})
    answer = await house.http.post("/api/agents/growth/stream", json={"lead_id": lead_id})
    (facts,) = [e["value"] for e in events(answer.content) if e.get("name") == "facts"]
    titles = [(f["value"], f["source"]) for f in facts if f["field"] == "title"]
    assert titles == [("CFO", "lead record")]


async def test_a_callback_after_the_end_goes_to_the_lead_and_to_the_result(house, fakes, tmp_path):
    shown, execution = await enriched(house, sources=["clay"])
    assert shown[-1]["result"]["status"] == "pending"
    said = {"title": "CFO", "employee_count": "1,200", "first_name": "Daniel", "phone": ""}
    for again in (said, said | {"title": "Intern"}):
        answer = await call_back(house, fakes.callback_id(), again)
        assert (answer.status_code, answer.json()) == (200, {"accepted": True})
    ((status, late),) = rows(
        tmp_path / "leadstream.db", "SELECT status, late FROM enrichment_results"
    )
    assert status == "partial"
    assert "CFO" in late
    assert "Intern" not in late
    growth = {"lead_id": execution["lead_id"]}
    answer = await house.http.post("/api/agents/growth/stream", json=growth)
    (facts,) = [e["value"] for e in events(answer.content) if e.get("name") == "facts"]
    known = {fact["field"]: (fact["value"], fact["source"]) for fact in facts}
    assert known["title"] == ("CFO", "clay")
    assert known["employee_count"] == (1200, "clay")
    assert known["first_name"] == ("Dana", "lead record")
    assert "phone" not in known
    # The stream has ended as it had ended.
    assert (await house.execution(execution["execution_id"]))["result"]["status"] == "pending"


async def test_a_callback_while_the_stream_is_open_is_in_it(tmp_path, fakes):
    patient = fakes.variables() | {"CLAY_CALLBACK_WAIT_S": "10"}
    with surroundings(patient):
        async with inside(tmp_path) as house:
            asked = asyncio.create_task(enriched(house, sources=["clay"]))
            await fakes.until(lambda: fakes.requests)
            answer = await call_back(house, fakes.callback_id(), {"title": "CFO"})
            assert answer.status_code == 200
            shown, _ = await asked
    assert shown[-1]["result"]["fields"]["title"]["value"] == "CFO"
    assert shown[-1]["result"]["status"] == "partial"
    names = [event.get("name") for event in shown]
    assert names.index("fields.title") > names.index("not_found")


async def test_a_forged_callback_is_told_nothing_and_changes_nothing(house, fakes, tmp_path):
    await enriched(house, sources=["clay"])
    genuine = fakes.callback_id()
    nonce, expires, signature = genuine.split(".")
    told = set()
    for forged, source in (
        ("x", "clay"),
        (f"{nonce}.{int(expires) + 9}.{signature}", "clay"),
        (f"{nonce}x.{expires}.{signature}", "clay"),
        (genuine[:-1] + ("0" if genuine[-1] != "0" else "1"), "clay"),
        (genuine, "apollo"),
        (genuine, "nobody"),
    ):
        answer = await call_back(house, forged, {"title": "Owner"}, source)
        told.add(is_problem(answer, 404, "unknown_callback")["detail"])
    assert told == {"There is no such callback."}
    assert rows(tmp_path / "leadstream.db", "SELECT late FROM enrichment_results") == [(None,)]
    # It is still good for who has it.
    assert (await call_back(house, genuine, {"title": "CFO"})).status_code == 200


@pytest.mark.parametrize("body", [b"[1]", b"{", b'{"title": {"a": 1}, "city": ["Oslo"]}'])
async def test_a_callback_that_says_nothing_is_no_value(house, fakes, body):
    await enriched(house, sources=["clay"])
    url = f"/api/enrichment/clay/callback/{fakes.callback_id()}"
    answer = await house.http.post(url, content=body)
    assert answer.status_code in (200, 400)
    if answer.is_success:
        assert "Oslo" not in (await enriched(house, sources=["clay"]))[0][-1]["result"]["fields"]


def test_with_keys_a_callback_needs_none_and_what_was_learnt_is_its_owners(tmp_path, fakes):
    keys = made(tmp_path, "one", "two")
    with surroundings(fakes.variables()), serve(tmp_path) as server:
        said = {"lead": LEAD | {"id": "dana"}, "sources": ["clay"]}

        def facts_for(key, agent):
            answer = server.http.post(
                f"/api/agents/{agent}/stream", json=said_to[agent], headers=bearer(key)
            )
            assert answer.status_code == 200, answer.text
            (facts,) = [e["value"] for e in events(answer.content) if e.get("name") == "facts"]
            return {fact["field"]: fact["value"] for fact in facts}

        said_to = {"enrichment": said, "growth": {"lead": LEAD | {"id": "dana"}}}
        facts_for(keys["one"], "enrichment")
        url = f"/api/enrichment/clay/callback/{fakes.callback_id()}"
        assert server.http.post(url, json={"title": "CFO"}).status_code == 200
        assert server.http.post(f"{url}x", json={"title": "CFO"}).status_code == 404
        assert facts_for(keys["one"], "growth")["title"] == "CFO"
        assert "title" not in facts_for(keys["two"], "growth")


async def test_a_stop_closes_the_sources_connection(house, fakes):
    fakes.fails([Head("application/json"), Hold()])
    started = await house.http.post(
        "/api/stream/start/lead",
        json={"agent_type": "enrichment", "lead": LEAD, "input": {"sources": ["apollo"]}},
    )
    await fakes.until(lambda: fakes.exchanges and fakes.exchanges[-1].attempt.holding)
    stopped = await house.http.post(started.json()["stop_url"])
    assert stopped.json()["status"] == "stopped"
    await fakes.until(lambda: fakes.exchanges[-1].attempt.client_left)


async def test_an_agent_without_any_source_says_what_to_set(tmp_path):
    async with inside(tmp_path) as house:
        shown, _ = await enriched(house)
    details = [e["detail"] for e in shown if e.get("code") == "not_configured"]
    for variable in ("APOLLO_API_KEY", "CLAY_WEBHOOK_URL", "LEADSTREAM_REFERENCE_FILE"):
        assert any(variable in detail for detail in details)
    assert shown[-1]["result"]["status"] == "not_configured"


def test_a_killed_server_buys_nothing_twice(tmp_path, fakes):
    """It is killed between two lookups; what the first one cost stays counted."""
    fakes.fails()
    fakes.companies["brightquill.example"] = company()
    hold = [Head("application/json"), Hold()]
    with surroundings(fakes.variables()), serve(tmp_path, drain_s=0) as server:
        assert isinstance(server, Leadstream)
        answer = fakes._answer
        fakes._answer = lambda request: hold if "people" in request.path else answer(request)
        try:
            started = server.http.post(
                "/api/stream/start/lead",
                json={"agent_type": "enrichment", "lead": LEAD, "input": {"sources": ["apollo"]}},
            ).json()
            asyncio.run(fakes.until(lambda: fakes.asked("/api/v1/people")))
            server.kill()
        finally:
            fakes._answer = answer
        server.run()
        shown = events(server.read(started["stream_id"]))
    result = shown[-1]["result"]
    assert [e["reason"] for e in shown if e["type"] == "reset"] == ["recovered"]
    assert len(fakes.asked("/api/v1/organizations")) == 1
    assert [(row["credits"], row["cached"]) for row in result["providers"]] == [
        (1, True),
        (1, False),
    ]
    assert result["credits_spent"] == 2


async def test_after_erasure_nothing_of_what_sources_said_is_left(house, tmp_path):
    _, execution = await enriched(house, sources=["apollo"])
    answer = await house.http.delete(f"/api/leads/{execution['lead_id']}?reason=erasure")
    assert answer.is_success, answer.text
    database = tmp_path / "leadstream.db"
    assert rows(database, "SELECT * FROM enrichment_cache") == []
    assert rows(database, "SELECT * FROM enrichment_results") == []
    assert b"Okafor" not in database.read_bytes()
