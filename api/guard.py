"""The guard at the door: who may come in, and how often, before any route is asked.

With a key configured every request needs one, but for a few open pages; a signed URL opens one
stream for reading. Without a key whoever is on this machine may do everything, and pages of other
origins nothing. What comes in has a Caller, and everything that it starts belongs to that one.
"""

import asyncio
import re

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import problems
from api.house import House, NotStarted, house_of
from api.keys import LOCAL, Caller
from api.limits import Limits, Standing
from api.local import is_loopback, refuse_foreign, refuse_misdirected
from errors import Problem, TooMany
from settings import Settings

OPEN = frozenset({"/", "/livez", "/readyz", "/docs", "/openapi.json"})
OPEN_FOLDERS = ("/docs/", "/web/", "/api/enrichment/")
"""Pages and what they are made of: they say nothing about anybody, and need no key. A source that
calls back has an id of its own for that."""

SPENDS_NOTHING = ("/api/route/explain", "/api/leads")
"""What is posted here and below starts nothing, and is not counted."""

CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CORS_HEADERS = ("Authorization", "Idempotency-Key", "Last-Event-ID")
CORS_EXPOSED = (
    "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Execution-Id", "X-Stream-Id",
)  # fmt: skip

_READ = re.compile(r"/(?:api|ws)/stream/([^/]+)")


class Unauthenticated(Problem):
    status = 401
    code = "unauthenticated"
    title = "A key is needed"


def guard(app: Starlette, settings: Settings) -> None:
    """Guard `app`; pages of the listed origins are answered, and told so when they are refused."""
    app.add_middleware(Guard, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )


class Guard:
    """ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._limits = Limits(settings.starts_per_minute)
        # The last key may be revoked while we listen on a network: then nobody comes in.
        self._may_be_open = settings.insecure or is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection, standing = HTTPConnection(scope), None
        connection.state.caller = LOCAL
        try:
            house = house_of(connection)
            connection.state.caller = caller = await self._caller(scope, house)
            bucket = _bucket(scope) if caller.key_id else None
            if bucket is not None:
                standing = await self._limits.hit(bucket, caller.owner)
                _refuse_over(standing)
        except NotStarted:
            # There is nothing to guard: routes that need the house say what to do.
            await self._app(scope, receive, send)
            return
        except Problem as problem:
            await _refuse(problem, standing, scope, receive, send)
            return
        if standing is None:
            await self._app(scope, receive, send)
        else:
            await self._watched(house, caller, scope, receive, _Answer(send, standing))

    async def _caller(self, scope: Scope, house: House) -> Caller:
        """Who asks. Raises the Problem that sends them away."""
        headers, path = Headers(scope=scope), _path(scope)
        if not house.keys.configured and self._may_be_open:
            if not (path == "/" and headers.get("sec-fetch-mode") == "navigate"):
                refuse_misdirected(
                    headers, self._settings.allowed_hosts, addresses=self._settings.insecure
                )
                if not path.startswith(OPEN_FOLDERS):
                    refuse_foreign(headers, self._settings.cors_origins)
            return LOCAL
        if path in OPEN or path.startswith(OPEN_FOLDERS):
            return LOCAL
        key = _bearer(headers)
        caller = house.keys.caller(key)
        if caller is None and not key and (stream := _READ.fullmatch(path)):
            signature = QueryParams(scope["query_string"]).get("token", "")
            caller = house.keys.reader(stream[1], signature) if _reads(scope) else None
        if caller is None:
            if key:
                await self._count_guess(scope)
            raise Unauthenticated("Send your key as `Authorization: Bearer ls_…`.")
        return caller

    async def _count_guess(self, scope: Scope) -> None:
        """Raise TooMany where an address has guessed too often; a right key still comes in."""
        address, _ = scope["client"] or ("", 0)
        standing = await self._limits.hit("guesses", address)
        if not standing.admitted:
            raise TooMany("Too many wrong keys came from here.", retry_after_s=standing.reset_s)

    async def _watched(
        self, house: House, caller: Caller, scope: Scope, receive: Receive, answer: "_Answer"
    ) -> None:
        """Serve, and show the caller out in the middle of it when the key goes."""
        try:
            with house.keys.visit(caller):
                await self._app(scope, receive, answer)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not house.keys.gone(caller) or task is None or task.uncancel():
                raise
            await answer.broken_off(scope, receive)


class _Answer:
    """`send`, with the caller's standing in the first headers."""

    def __init__(self, send: Send, standing: Standing) -> None:
        self._send = send
        self._headers = standing.headers()
        self._started = False

    async def __call__(self, message: Message) -> None:
        if message["type"].endswith(("response.start", "websocket.accept")):
            self._started = True
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)

    async def broken_off(self, scope: Scope, receive: Receive) -> None:
        if not self._started:
            problem = Unauthenticated("The key was revoked.")
            await _refuse(problem, None, scope, receive, self._send)
        elif scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": 1008, "reason": "unauthenticated"})
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse(
    problem: Problem, standing: Standing | None, scope: Scope, receive: Receive, send: Send
) -> None:
    response = problems.respond(problem)
    if problem.status == Unauthenticated.status:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.raw_headers.extend(standing.headers() if standing else ())
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def _refuse_over(standing: Standing) -> None:
    if not standing.admitted:
        raise TooMany(
            f"{standing.limit} {standing.bucket} a minute are allowed to a key.",
            retry_after_s=standing.reset_s,
        )


def _bucket(scope: Scope) -> str | None:
    """What is counted: whatever reads a stream, stops one, or may start one."""
    path = _path(scope)
    if _reads(scope) and _READ.fullmatch(path):
        return "connects"
    if scope["type"] != "http" or scope["method"] != "POST" or path.startswith(SPENDS_NOTHING):
        return None
    return "stops" if path.startswith("/api/stream/stop/") else "starts"


def _reads(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD")


def _bearer(headers: Headers) -> bytes:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


def _path(scope: Scope) -> str:
    """The path that the routes see: without the prefix that a proxy may pass on."""
    path, root = str(scope["path"]), scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
