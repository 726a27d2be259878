"""The probe: an event stream with a clock in it, for `doctor --url` to see what stands in between.

It asks nobody and stores nothing; it is short, and it takes a reader's place.
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

MAX_FRAMES = 20
MAX_GAP_MS = 30_000
MAX_MS = 60_000


async def probe(request: Request) -> Response:
    """`GET /api/probe?frames=&gap_ms=`: numbered frames that say when they were sent."""
    frames = _number(request, "frames", 8, MAX_FRAMES)
    gap_ms = _number(request, "gap_ms", 250, MAX_GAP_MS)
    if frames * gap_ms > MAX_MS:
        raise BadRequest(f"At most {MAX_MS // 1000} s in all.", code="bad_probe")
    sent = _frames(house_of(request), client_of(request), frames, gap_ms / 1000)
    return StreamingResponse(sent, media_type="text/event-stream", headers=HEADERS)


async def _frames(house: House, client: str, frames: int, gap_s: float) -> AsyncIterator[bytes]:
    began = monotonic()
    with house.reading(client):
        for number in range(1, frames + 1):
            sent_ms = round((monotonic() - began) * 1000)
            yield sse.frame(number, {"type": "probe", "sent_ms": sent_ms})
            if number < frames:
                await asyncio.sleep(gap_s)


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and 1 <= int(given) <= most):
        raise BadRequest(f"`{name}` is a number from 1 to {most}.", code="bad_probe")
    return int(given)


routes: list[BaseRoute] = [Route("/api/probe", probe, methods=["GET"])]
