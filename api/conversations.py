"""Conversations: what was said, oldest first."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.house import house_of, owner_of
from errors import NotFound
from store import conversations as table


async def one(request: Request) -> Response:
    """`GET /api/conversations/{conversation_id}`: its messages, oldest first."""
    conversation_id = request.path_params["conversation_id"]
    messages = await table.messages(house_of(request).database, owner_of(request), conversation_id)
    if not messages:
        raise NotFound("There is no such conversation.", code="unknown_conversation")
    return JSONResponse(
        {"conversation_id": conversation_id, "items": messages, "next_cursor": None}
    )


routes: list[BaseRoute] = [Route("/api/conversations/{conversation_id}", one, methods=["GET"])]
