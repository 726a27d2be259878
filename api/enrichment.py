"""Late answers: what a source has found by the time, sent to us by a call of its own.

The id in the path is all that lets somebody in: signed by us, with an end, used once. Whoever has
none is told nothing. The answer is stored before it is acknowledged.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api import body
from api.house import house_of
from errors import NotFound


async def take(request: Request) -> Response:
    """`POST /api/enrichment/{source}/callback/{callback_id}`: the fields as a JSON object."""
    sources, callback_id = house_of(request).executions.sources, request.path_params["callback_id"]
    source = sources.all.get(request.path_params["source"])
    if source is None or not (source.configured() and source.vouches_for(callback_id)):
        raise _unknown()
    if not await sources.take(source, callback_id, await body.json_object(request)):
        raise _unknown()
    return JSONResponse({"accepted": True})


def _unknown() -> NotFound:
    return NotFound("There is no such callback.", code="unknown_callback")


routes: list[BaseRoute] = [
    Route("/api/enrichment/{source}/callback/{callback_id}", take, methods=["POST"]),
]
