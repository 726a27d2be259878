"""The probe: an event stream with a clock in it, for `doctor --url` to see what stands in between.

Some frames, a silence, and one more. It asks nobody and stores nothing; it is short, and it takes a
reader's place.
"""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from api.event_stream import HEADERS
from api.house import House, client_of, house_of
from errors import BadRequest
from streams import sse

FRAMES = 8
GAP_S = 0.25
MAX_SILENCE_MS = 30_000


async def probe(request: Request) -> Response:
    """`GET /api/probe?silence_ms=`: eight frames in two seconds, a silence, and a ninth."""
    given = request.query_params.get("silence_ms", "0")
    digits = given.isascii() and given.isdigit() and len(given) <= 5
    if not digits or int(given) > MAX_SILENCE_MS:
        raise BadRequest(f"`silence_ms` is at most {MAX_SILENCE_MS}.", code="bad_probe")
    frames = _frames(house_of(request), client_of(request), int(given) / 1000)
    return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)


async def _frames(house: House, client: str, silence_s: float) -> AsyncIterator[bytes]:
    began = monotonic()
    with house.reading(client):
        for number, pause_s in enumerate([GAP_S] * (FRAMES - 1) + [silence_s, 0], start=1):
            sent_ms = round((monotonic() - began) * 1000)
            yield sse.frame(number, {"type": "probe", "sent_ms": sent_ms})
            await asyncio.sleep(pause_s)


routes: list[BaseRoute] = [Route("/api/probe", probe, methods=["GET"])]
