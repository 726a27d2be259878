"""A stream to its reader: Server-Sent Events, words for curl, or WebSocket frames.

All three are one loop around a Follower, which is a position in the log: what is durable goes out
as one bytes object, a quiet time as a heartbeat. Dropping the connection ends nothing but the loop.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from random import randint

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.house import House
from api.plain_text import PlainText
from errors import BadRequest
from streams import sse
from streams.follower import Follower
from streams.log import Log

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
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


def respond(request: Request, house: House, log: Log, headers: dict[str, str]) -> Response:
    """The stream in the form that `request` asks for, from where it says that it stands."""
    after = position_asked(request)
    if log.whole and after == log.last:
        return Response(status_code=204, headers=headers)
    if after:
        house.counters.resumed()
    live = request.query_params.get("live") != "0"
    plain = _wants_words(request.headers.get("accept", ""))
    frames = _frames(house, log, after, live=live)
    if plain and request.method != "HEAD":
        return StreamingResponse(
            _words(frames), media_type="text/plain", headers={**HEADERS, **headers}
        )
    return EventSourceResponse(
        _connection(frames, house, log),
        ping=0,  # its heartbeat would be a task for each connection, and end with two newlines
        headers={**HEADERS, **headers},
        media_type="text/plain" if plain else "text/event-stream",
        send_timeout=house.settings.send_timeout_s,
    )


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


async def _frames(house: House, log: Log, after: int, *, live: bool) -> AsyncGenerator[bytes, None]:
    """Durable frames past `after`, joined; b"" for a heartbeat."""
    if after > log.last:
        # The reader is ahead of the log: it was restored from a backup. The whole again.
        yield sse.unnumbered({"type": "reset", "reason": "rewind", "provider": None})
        after = 0
    with _following(house, log, after) as follower:
        if not live:
            follower.dismiss()
        while (frames := await follower.next()) is not None:
            yield frames


@contextmanager
def _following(house: House, log: Log, after: int) -> Iterator[Follower]:
    with Follower(log, after, heartbeat_s=house.settings.heartbeat_s) as follower:
        house.followers.add(follower)
        try:
            yield follower
        finally:
            house.followers.discard(follower)
            at_end = log.whole and follower.position == log.last
            house.counters.left(at_end=at_end, dismissed=follower.dismissed)


async def _connection(
    frames: AsyncGenerator[bytes, None], house: House, log: Log
) -> AsyncGenerator[bytes, None]:
    """A heartbeat at once, then the frames, `retry:` inside the first one.

    Sent off before the end, a reader is told when to come back: not all in the same second.
    """
    yield sse.PING
    first = True
    try:
        async for batch in frames:
            if batch and first:
                batch = sse.with_retry(batch, 2000 + randint(0, 1000))
                first = False
            yield batch or sse.PING
        if house.executions.admission.draining and not log.whole:
            yield sse.retry(randint(1000, 5000))
    finally:
        await frames.aclose()


async def _words(frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[str, None]:
    printer = PlainText()
    try:
        async for batch in frames:
            if words := "".join(printer.take(event) for _, event in sse.events(batch)):
                yield words
    finally:
        await frames.aclose()


async def _send_objects(websocket: WebSocket, house: House, log: Log, after: int) -> None:
    frames = _frames(house, log, after, live=True)
    try:
        async for batch in frames:
            for number, event in sse.events(batch):
                named = event if number is None else {"id": number, **event}
                await websocket.send_text(sse.to_json(named).decode())
    finally:
        await frames.aclose()


def _wants_words(accept: str) -> bool:
    return "text/plain" in accept and "text/event-stream" not in accept
