"""Workflows: what there is, start one on a lead, see how far it is, take it up again."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api import body
from api.house import client_of, house_of, owner_of
from api.streams import (
    OPTIONS,
    idempotency_key,
    lead_id_of,
    object_in,
    options_of,
    refuse_unknown,
    started,
    url,
    urls,
)
from errors import Invalid
from executions.flows import StartedFlow
from executions.start import Start
from executions.workflow import Workflow
from streams import sse


async def listed(request: Request) -> Response:
    """`GET /api/workflows`: the definitions; of several versions the newest is started."""
    items = [_shown(workflow) for workflow in house_of(request).flows.workflows.values()]
    return JSONResponse({"items": items, "next_cursor": None})


async def start(request: Request) -> Response:
    """`POST /api/workflows/start/{lead_id}`: 201 once it is committed."""
    lead_id = lead_id_of(request.scope["path"].partition("/api/workflows/start/")[2])
    said = await body.json_object(request)
    refuse_unknown(said, {"workflow", "input", "lead", *OPTIONS})
    name = said.get("workflow")
    if not isinstance(name, str):
        raise Invalid(
            "Which workflow? `workflow` is a name of GET /api/workflows.",
            errors=[{"pointer": "/workflow", "detail": "a string is required"}],
        )
    flow = await house_of(request).flows.start(
        Start(
            agent_type=name,
            owner=owner_of(request),
            input=object_in(said, "input") or {},
            options=options_of(said),
            lead_id=lead_id,
            lead=object_in(said, "lead"),
            key=idempotency_key(request),
            client=client_of(request),
        )
    )
    return _started(request, flow)


async def one(request: Request) -> Response:
    """`GET /api/workflows/{workflow_id}`: how far it is, with each step's result and cost."""
    shown = await house_of(request).flows.shown(
        owner_of(request), request.path_params["workflow_id"]
    )
    where = urls(request, shown["workflow_id"])
    return Response(sse.to_json(shown | where), media_type="application/json")


async def resume(request: Request) -> Response:
    """`POST /api/workflows/{workflow_id}/resume`: goes on from the first unfinished or failed step.

    201 with a stream of its own that begins with what was done; 200 with the one that goes on.
    """
    flow = await house_of(request).flows.resume(
        owner_of(request), request.path_params["workflow_id"], client_of(request)
    )
    return _started(request, flow)


def _started(request: Request, flow: StartedFlow) -> Response:
    names = {
        "workflow_id": flow.workflow_id,
        "workflow": flow.workflow.name,
        "version": flow.workflow.version,
        "lead_id": flow.lead_id,
        "workflow_url": url(request, f"/api/workflows/{flow.workflow_id}"),
    }
    return started(urls(request, flow.workflow_id), names, replayed=flow.replayed)


def _shown(workflow: Workflow) -> dict[str, Any]:
    return {
        "workflow": workflow.name,
        "version": workflow.version,
        "about": workflow.about,
        "budget_usd": workflow.budget_usd and float(workflow.budget_usd),
        "steps": workflow.shape,
    }


routes: list[BaseRoute] = [
    Route("/api/workflows", listed, methods=["GET"]),
    Route("/api/workflows/start/{lead_id:path}", start, methods=["POST"]),
    Route("/api/workflows/{workflow_id}", one, methods=["GET"]),
    Route("/api/workflows/{workflow_id}/resume", resume, methods=["POST"]),
]
