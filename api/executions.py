"""Executions: what was started, how it went and what it cost, the newest first."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api import paging
from api.house import house_of, owner_of
from errors import BadRequest, NotFound
from store import executions as table
from streams import sse

_STATUSES = ("pending", "running", "success", "failed", "stopped")

_HIDDEN = ("options", "recoveries", "owner")

_IN_LISTS = (
    "execution_id", "stream_id", "agent_type", "lead_id", "status", "provider", "model",
    "input_tokens", "output_tokens", "total_cost_usd", "latency_ms", "ttft_ms", "error",
    "created_at", "ended_at",
)  # fmt: skip


async def listed(request: Request) -> Response:
    """`GET /api/executions?limit=&cursor=&status=&lead_id=`: the newest first."""
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in _STATUSES:
        raise BadRequest(f"A status is one of {', '.join(_STATUSES)}.", code="bad_status")
    page = paging.asked(request)
    rows = await table.listed(
        house_of(request).database,
        owner_of(request),
        limit=page.limit + 1,
        before=page.before,
        status=status,
        lead_id=query.get("lead_id"),
    )
    items = [{name: _value(row, name) for name in _IN_LISTS} for row in rows[: page.limit]]
    answer = {"items": items, "next_cursor": paging.next_cursor(page, rows, "execution_id")}
    return Response(sse.to_json(answer), media_type="application/json")


async def one(request: Request) -> Response:
    """`GET /api/executions/{id}`: with its text, its result and every attempt."""
    row = await table.find(
        house_of(request).database,
        owner_of(request),
        request.path_params["execution_id"],
    )
    if row is None:
        raise NotFound("There is no such execution.", code="unknown_execution")
    shown = {name: _value(row, name) for name in row if name not in _HIDDEN}
    return Response(sse.to_json(shown), media_type="application/json")


def _value(row: dict[str, Any], name: str) -> Any:
    """Money as a JSON number, from the receipt that has it exactly."""
    if name != "total_cost_usd":
        return row[name]
    return row["metadata"] and row["metadata"]["total_cost_usd"]


routes: list[BaseRoute] = [
    Route("/api/executions", listed, methods=["GET"]),
    Route("/api/executions/{execution_id}", one, methods=["GET"]),
]
