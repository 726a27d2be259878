"""Health: whether the process lives, and whether it takes work. Nobody calls a vendor for it: what
breakers and gates have learnt from real requests is asked instead."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.house import House, house_of
from routing.candidates import Candidate


async def livez(request: Request) -> Response:
    """`GET /livez`: the process lives."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """`GET /readyz`: 503 while it drains, the disk takes no writes, or no model may be asked."""
    status = _status(house_of(request))
    return JSONResponse({"status": status}, status_code=200 if status == "ok" else 503)


def _status(house: House) -> str:
    if house.executions.admission.draining:
        return "draining"
    if house.journal.stalled is not None:
        return "storage"
    return "ok" if any(map(_may_answer, house.executions.router.candidates)) else "no_model"


def _may_answer(candidate: Candidate) -> bool:
    allowed = candidate.gate.peek().allowed and candidate.breaker.peek().allowed
    return candidate.missing is None and allowed


routes: list[BaseRoute] = [
    Route("/livez", livez, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
]
