"""Streams: start one, follow it from any position, stop it."""

import re
from contextlib import ExitStack
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from api import body, event_stream
from api.house import House, caller_of, client_of, house_of, owner_of
from api.readers import Reading
from errors import BadRequest, Invalid, NotFound, Problem
from executions.start import Start, StartOptions, checked, pointer
from streams import sse
from streams.log import Log

_LEAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

OPTIONS = frozenset(StartOptions.model_fields)


async def start(request: Request) -> Response:
    """`POST /api/stream/start/{lead_id}`: 201 once the execution is committed."""
    # Not the route's parameter: its pattern ends before a line break at the end of the path.
    lead_id = lead_id_of(request.scope["path"].partition("/api/stream/start/")[2])
    said = await body.json_object(request)
    known = {"agent_type", "input", "lead", *OPTIONS}
    refuse_unknown(said, known)
    agent_type = said.get("agent_type")
    if not isinstance(agent_type, str):
        raise Invalid(
            "Which agent? `agent_type` is a name of GET /api/agents.",
            errors=[{"pointer": "/agent_type", "detail": "a string is required"}],
        )
    begun = await house_of(request).executions.start(
        Start(
            agent_type=agent_type,
            owner=owner_of(request),
            input=object_in(said, "input") or {},
            input_at="/input",
            options=options_of(said),
            lead_id=lead_id,
            lead=object_in(said, "lead"),
            key=idempotency_key(request),
            client=client_of(request),
        )
    )
    names = {
        "execution_id": begun.execution_id,
        "agent_type": begun.agent_type,
        "lead_id": begun.lead_id,
    }
    return started(urls(request, begun.stream_id), names, replayed=begun.replayed)


async def follow(request: Request) -> Response:
    """`GET /api/stream/{stream_id}`: the events, from the beginning or after an id."""
    house = house_of(request)
    log = await log_of(house, owner_of(request), request.path_params["stream_id"])
    return event_stream.respond(request, house, log, event_stream.position_asked(request), {})


async def stop(request: Request) -> Response:
    """`POST /api/stream/stop/{stream_id}`: 200 with the receipt, the second time too."""
    receipt = await house_of(request).executions.stop(
        owner_of(request), request.path_params["stream_id"]
    )
    return Response(sse.to_json(receipt), media_type="application/json")


async def follow_websocket(websocket: WebSocket) -> None:
    """`/ws/stream/{stream_id}?after=`: a Problem before the upgrade is a close with its code."""
    house = house_of(websocket)
    with ExitStack() as place:
        try:
            place.enter_context(house.reading(client_of(websocket)))
            after = event_stream.position_of(None, websocket.query_params.get("after"))
            log = await log_of(house, owner_of(websocket), websocket.path_params["stream_id"])
        except Problem as problem:
            told = sse.to_json({"type": "problem", **problem.described()})
            await websocket.accept()
            await websocket.send_text(told.decode())
            await websocket.close(1008, problem.code)
            return
        await event_stream.follow_websocket(websocket, house, log, after)


async def log_of(house: House, owner: str, stream_id: str) -> Log:
    """Raises NotFound, the same for a stream of another key and for one that never was."""
    log = await house.journal.find(owner, stream_id)
    if log is None:
        raise NotFound("There is no such stream.", code="unknown_stream")
    return log


def lead_id_of(given: str) -> str:
    """By an allow-list: it never becomes part of a path, and looks like none."""
    if not _LEAD_ID.fullmatch(given):
        raise BadRequest(
            "A lead's id has 1 to 64 letters, digits, - and _.",
            code="bad_lead_id",
        )
    return given


def options_of(said: dict[str, Any]) -> StartOptions:
    """The options of an execution that stand in a body beside its input."""
    return checked(StartOptions, {name: said[name] for name in said.keys() & OPTIONS})


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 255 and all(" " <= c <= "~" for c in key)):
        raise BadRequest(
            "An Idempotency-Key is 1 to 255 printable ASCII characters.",
            code="bad_idempotency_key",
        )
    return key


def url(request: HTTPConnection, path: str) -> str:
    """An absolute path that works where the reader is, also below a prefix."""
    return f"{request.scope.get('root_path', '')}{path}"


def read_url(request: HTTPConnection, path: str, stream_id: str) -> str:
    """Where a stream is read, signed where keys are configured: whoever has it needs no key."""
    signature = house_of(request).keys.signature(caller_of(request), stream_id)
    return url(request, path) + (f"?token={signature}" if signature else "")


def urls(request: Request, stream_id: str) -> dict[str, str]:
    """A stream, and where it is read and stopped."""
    return {
        "stream_id": stream_id,
        "stream_url": read_url(request, f"/api/stream/{stream_id}", stream_id),
        "stop_url": url(request, f"/api/stream/stop/{stream_id}"),
        "websocket_url": read_url(request, f"/ws/stream/{stream_id}", stream_id),
    }


def started(where: dict[str, str], what: dict[str, Any], *, replayed: bool) -> Response:
    """201 for what was started, 200 for what had been; `where` are its `urls`."""
    headers = {"Location": where["stream_url"]}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(
        sse.to_json(what | where),
        status_code=200 if replayed else 201,
        headers=headers,
        media_type="application/json",
    )


def object_in(said: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = said.get(name)
    if value is not None and not isinstance(value, dict):
        raise Invalid(
            f"`{name}` is a JSON object.",
            errors=[{"pointer": f"/{name}", "detail": "an object was expected"}],
        )
    return value


def refuse_unknown(said: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(said.keys() - known):
        raise Invalid(
            f"Unknown here: {', '.join(unknown)[:200]}. Known: {', '.join(sorted(known))}.",
            errors=[{"pointer": pointer(name), "detail": "unknown field"} for name in unknown],
        )


# `path`, so that a slash or a dot-dot in the id is refused as an id and not as an unknown page.
routes: list[BaseRoute] = [
    Route("/api/stream/start/{lead_id:path}", start, methods=["POST"]),
    Route("/api/stream/stop/{stream_id}", stop, methods=["POST"]),
    Route("/api/stream/{stream_id}", follow, methods=["GET"], middleware=[Middleware(Reading)]),
    WebSocketRoute("/ws/stream/{stream_id}", follow_websocket),
]
