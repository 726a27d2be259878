"""Agents: what there is, and each in one call: `/stream` answers with events, `/execute` waits."""

import asyncio
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agents.base import BaseAgent
from api import body, event_stream, problems
from api.house import House, client_of, house_of, owner_of
from api.readers import Reading
from api.streams import idempotency_key, lead_id_of, log_of, options_of
from errors import Interrupted, Invalid, Problem
from executions.executions import Started
from executions.start import Start, StartOptions
from streams import sse
from streams.follower import Follower


async def listed(request: Request) -> Response:
    """`GET /api/agents`: each with JSON Schemas of its input and its result."""
    agents = house_of(request).executions.agents
    return JSONResponse({"items": [_shown(a) for a in agents.values()], "next_cursor": None})


async def stream(request: Request) -> Response:
    """`POST /api/agents/{agent_type}/stream`: starts, and answers with the stream at once."""
    house = house_of(request)
    after = event_stream.position_asked(request)
    started = await _start(request, house)
    log = await log_of(house, owner_of(request), started.stream_id)
    return event_stream.respond(request, house, log, after, _names(started))


async def execute(request: Request) -> Response:
    """`POST /api/agents/{agent_type}/execute`: waits; 200 for success and stopped, else a Problem.

    Whoever waits follows the stream: hanging up leaves it to the same grace as any reader's.
    """
    house = house_of(request)
    started = await _start(request, house)
    log = await log_of(house, owner_of(request), started.stream_id)
    with Follower(log, log.last):
        ending = asyncio.create_task(
            house.executions.finished(owner_of(request), started.execution_id, started.stream_id)
        )
        leaving = asyncio.create_task(event_stream.hung_up(request.receive))
        await asyncio.wait((ending, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not ending.done():
            ending.cancel()
            return Response(status_code=499)
    row = ending.result()
    if row["metadata"] is None:
        raise Interrupted(
            f"The server is going down; the next one goes on in stream {started.stream_id}.",
            execution_id=started.execution_id,
        )
    if row["error"] is not None:
        return problems.respond(_problem_of(row["error"]), execution_id=row["execution_id"])
    answer = {k: row[k] for k in ("execution_id", "status", "text", "result", "metadata")}
    return Response(sse.to_json(answer), media_type="application/json", headers=_names(started))


async def _start(request: Request, house: House) -> Started:
    """The body is the agent's input with a lead and the options beside it, in one object."""
    agent_type = request.path_params["agent_type"]
    house.executions.agent(agent_type)
    said = await body.json_object(request)
    beside = {"lead_id", "lead", *StartOptions.model_fields}
    lead_id, lead = said.get("lead_id"), said.get("lead")
    if lead_id is not None and not isinstance(lead_id, str):
        raise Invalid("`lead_id` is a string.", errors=[{"pointer": "/lead_id", "detail": "str"}])
    if lead is not None and not isinstance(lead, dict):
        raise Invalid("`lead` is an object.", errors=[{"pointer": "/lead", "detail": "object"}])
    return await house.executions.start(
        Start(
            agent_type=agent_type,
            owner=owner_of(request),
            input={name: value for name, value in said.items() if name not in beside},
            options=options_of(said),
            lead_id=None if lead_id is None else lead_id_of(lead_id),
            lead=lead,
            key=idempotency_key(request),
            client=client_of(request),
        )
    )


def _names(started: Started) -> dict[str, str]:
    names = {"X-Stream-Id": started.stream_id, "X-Execution-Id": started.execution_id}
    return names | ({"Idempotency-Replayed": "true"} if started.replayed else {})


def _shown(agent: type[BaseAgent]) -> dict[str, Any]:
    return {
        "agent_type": agent.agent_type,
        "task_type": agent.task_type,
        "description": (agent.__doc__ or "").strip(),
        "needs_lead": agent.needs_lead,
        "input": agent.Input.model_json_schema(),
        "output": agent.Output and agent.Output.model_json_schema(),
        "max_latency_ms": agent.max_latency_ms,
        "max_cost_usd": agent.max_cost_usd and float(agent.max_cost_usd),
    }


def _problem_of(error: dict[str, Any]) -> Problem:
    """An `error` event as the Problem that it was."""
    ms = error.get("retry_after_ms")
    problem = Problem(
        error["message"],
        code=error["code"],
        retryable=error["retryable"],
        retry_after_s=None if ms is None else ms / 1000,
    )
    problem.status = error["status"]  # type: ignore[misc]
    problem.title = "The agent could not answer"  # type: ignore[misc]
    return problem


routes: list[BaseRoute] = [
    Route("/api/agents", listed, methods=["GET"]),
    Route(
        "/api/agents/{agent_type}/stream",
        stream,
        methods=["POST"],
        middleware=[Middleware(Reading)],
    ),
    Route("/api/agents/{agent_type}/execute", execute, methods=["POST"]),
]
