"""A stream to its reader: Server-Sent Events, words for curl, or WebSocket frames.

All three are one loop around a Follower, which is a position in the log: what is durable goes out
as one bytes object, a quiet time as a heartbeat. Dropping the connection ends nothing but the loop.
The response is our own, since every token comes by: a send makes no task, timer, lock or context
manager.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import randint

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.house import House
from api.plain_text import PlainText
from api.protocol import HANG_UP, POUR, Form
from errors import BadRequest
from streams import sse
from streams.follower import Follower
from streams.log import Log

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    # What is encoded already no proxy compresses, also one that has never heard of no-transform.
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
}

_MAX_ID_DIGITS = 18


def position_of(header: str | None, query: str | None) -> int:
    """Where a reader stands: `Last-Event-ID`, else `?after=`, else the beginning.

    Raises BadRequest `bad_event_id` for what this server has never sent as an id.
    """
    given = header if header is not None else query
    if given is None:
        return 0
    if not (given.isascii() and given.isdigit() and len(given) <= _MAX_ID_DIGITS):
        raise BadRequest(
            f"An event id has 1 to {_MAX_ID_DIGITS} digits; {given[:32]!r} came. "
            "Send the last id you have read, or none.",
            code="bad_event_id",
        )
    return int(given)


def position_asked(request: Request) -> int:
    return position_of(request.headers.get("last-event-id"), request.query_params.get("after"))


def respond(
    request: Request, house: House, log: Log, after: int, headers: dict[str, str]
) -> Response:
    """The stream past `after`, in the form that `request` asks for."""
    if log.whole and after == log.last:
        return Response(status_code=204, headers=headers)
    if after:
        house.counters.resumed()
    return EventStream(request, house, log, after, headers)


class EventStream(Response):
    """What is durable past `after`, then each group as it is committed, to the last event. Live
    groups are poured into the connection; the loop has the beginning, the end, the quiet times, and
    what a reader who cannot take so much has still to get.

    It ends earlier when the reader is gone, or is sent off by a server that goes. Who takes nothing
    for `send_timeout_s` is hung up on: he comes back as any other whose line broke.
    """

    def __init__(
        self, request: Request, house: House, log: Log, after: int, headers: dict[str, str]
    ) -> None:
        self._house, self._log, self._after = house, log, after
        self._live = request.query_params.get("live") != "0"
        plain = _wants_words(request.headers.get("accept", ""))
        self._form = _as_words() if plain else _as_events()
        self.media_type = "text/plain" if plain else "text/event-stream"
        self.init_headers({**HEADERS, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body"})
            return
        with _following(self._house, self._log, self._after) as follower:
            ours = scope.get("extensions", {})
            follower.on_stuck = ours.get(HANG_UP) or _cancel()
            leaving = asyncio.create_task(hung_up(receive))
            leaving.add_done_callback(lambda _: follower.leave())
            try:
                await self._begin(send)
                if POUR in ours:
                    follower.pour = partial(ours[POUR], self._form)
                await self._send_all(follower, send)
            finally:
                leaving.cancel()

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _send_all(self, follower: Follower, send: Send) -> None:
        if not self._live:
            follower.dismiss()
        given: bytes | None = b""
        while given is not None:
            if piece := self._form(given):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            given = await follower.next()
        await send({"type": "http.response.body", "body": self._farewell()})

    def _farewell(self) -> bytes:
        """Sent off by a server that goes, a reader is told when to come back: not all at once."""
        going = self._house.executions.admission.draining and not self._log.whole
        if not going or self.media_type == "text/plain":
            return b""
        return sse.retry(randint(1000, 5000))


async def follow_websocket(websocket: WebSocket, house: House, log: Log, after: int) -> None:
    """The same events, one JSON object a text frame with its `id` in it; 1000 after the last."""
    await websocket.accept()
    sending = asyncio.create_task(_send_objects(websocket, house, log, after))
    try:
        while not sending.done():
            receiving = asyncio.create_task(websocket.receive())
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            if receiving.cancel() or receiving.result()["type"] != "websocket.disconnect":
                continue
            return
        sending.result()
        await websocket.close(1000)
    except WebSocketDisconnect:
        pass
    finally:
        sending.cancel()


@contextmanager
def _following(house: House, log: Log, after: int) -> Iterator[Follower]:
    settings = house.settings
    with Follower(
        log, after, heartbeat_s=settings.heartbeat_s, patience_s=settings.send_timeout_s
    ) as follower:
        house.followers.add(follower)
        try:
            yield follower
        finally:
            house.followers.discard(follower)
            at_end = log.whole and follower.position == log.last and not follower.gone
            house.counters.left(at_end=at_end, dismissed=follower.dismissed)


def _as_events() -> Form:
    """Frames as they are, `retry:` inside the first one."""
    first = True

    def form(frames: bytes) -> bytes:
        nonlocal first
        if not frames:
            return sse.PING
        if first:
            first = False
            return sse.with_retry(frames, 2000 + randint(0, 1000))
        return frames

    return form


def _as_words() -> Form:
    """What people read of them; a quiet time is nothing."""
    printer = PlainText()
    return lambda frames: "".join(printer.take(event) for _, event in sse.events(frames)).encode()


def _cancel() -> Callable[[], object]:
    """How to end a send under a server that has no HANG_UP: it will speak of an error."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancel


async def hung_up(receive: Receive) -> None:
    """Return when the client hangs up; its body has been read, so that is all that can come."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_objects(websocket: WebSocket, house: House, log: Log, after: int) -> None:
    with _following(house, log, after) as follower:
        while (frames := await follower.next()) is not None:
            for number, event in sse.events(frames):
                named = event if number is None else {"id": number, **event}
                await websocket.send_text(sse.to_json(named).decode())


def _wants_words(accept: str) -> bool:
    return "text/plain" in accept and "text/event-stream" not in accept
