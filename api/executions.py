"""Executions: what was started, how it went and what it cost, the newest first."""

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.house import house_of
from errors import BadRequest, NotFound
from store import executions as table
from streams import sse

MAX_LIMIT = 200

_STATUSES = ("pending", "running", "success", "failed", "stopped")

_IN_LISTS = (
    "execution_id", "stream_id", "agent_type", "lead_id", "status", "provider", "model",
    "input_tokens", "output_tokens", "total_cost_usd", "latency_ms", "ttft_ms", "error",
    "created_at", "ended_at",
)  # fmt: skip


async def listed(request: Request) -> Response:
    """`GET /api/executions?limit=&cursor=&status=&lead_id=`."""
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in _STATUSES:
        raise BadRequest(f"A status is one of {', '.join(_STATUSES)}.", code="bad_status")
    limit = _limit(query.get("limit", "50"))
    rows = await table.listed(
        house_of(request).database,
        limit=limit + 1,
        before=_place(query.get("cursor")),
        status=status,
        lead_id=query.get("lead_id"),
    )
    shown, more = rows[:limit], len(rows) > limit
    items = [{name: _value(row, name) for name in _IN_LISTS} for row in shown]
    answer = {"items": items, "next_cursor": _cursor(shown[-1]) if more else None}
    return Response(sse.to_json(answer), media_type="application/json")


async def one(request: Request) -> Response:
    """`GET /api/executions/{id}`: with its text, its result and every attempt."""
    row = await table.find(house_of(request).database, request.path_params["execution_id"])
    if row is None:
        raise NotFound("There is no such execution.", code="unknown_execution")
    shown = {name: _value(row, name) for name in row if name not in ("options", "recoveries")}
    return Response(sse.to_json(shown), media_type="application/json")


def _value(row: dict[str, Any], name: str) -> Any:
    """Money as a JSON number, from the receipt that has it exactly."""
    if name != "total_cost_usd":
        return row[name]
    return row["metadata"] and row["metadata"]["total_cost_usd"]


def _limit(given: str) -> int:
    short = given.isascii() and given.isdigit() and len(given) <= len(str(MAX_LIMIT))
    if not short or not 1 <= int(given) <= MAX_LIMIT:
        raise BadRequest(f"`limit` is a number from 1 to {MAX_LIMIT}.", code="bad_limit")
    return int(given)


def _cursor(row: dict[str, Any]) -> str:
    place = f"{row['created_at']} {row['execution_id']}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, execution_id = place.split(" ")
    except ValueError:
        raise BadRequest(
            "`cursor` is the `next_cursor` of an earlier answer, as it was.", code="bad_cursor"
        ) from None
    return created_at, execution_id


routes: list[BaseRoute] = [
    Route("/api/executions", listed, methods=["GET"]),
    Route("/api/executions/{execution_id}", one, methods=["GET"]),
]
