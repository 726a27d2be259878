"""Health: whether the process lives, and whether it takes work. Nobody calls a vendor for it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.house import house_of


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """503 while it shuts down, or while the disk takes no writes."""
    house = house_of(request)
    if house.executions.admission.draining:
        return JSONResponse({"status": "draining"}, status_code=503)
    if house.journal.stalled is not None:
        return JSONResponse({"status": "storage"}, status_code=503)
    return JSONResponse({"status": "ok"})


routes: list[BaseRoute] = [
    Route("/livez", livez, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
]
