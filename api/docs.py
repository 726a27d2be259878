"""`/docs`: the interface for people, drawn in the browser from `openapi.json`, without a CDN."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from errors import NotFound

FOLDER = Path(__file__).parent.parent / "web" / "docs"

_FILES = {"docs.js": "text/javascript", "docs.css": "text/css"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
}


async def page(request: Request) -> Response:
    """`GET /docs`: this interface, for people."""
    return FileResponse(FOLDER / "docs.html", headers=HEADERS, media_type="text/html")


async def part(request: Request) -> Response:
    """`GET /docs/{file}`: what that page is made of."""
    name = request.path_params["file"]
    if name not in _FILES:
        raise NotFound("The page has no such part.")
    return FileResponse(FOLDER / name, headers=HEADERS, media_type=_FILES[name])


routes: list[BaseRoute] = [
    Route("/docs", page, methods=["GET"]),
    Route("/docs/{file}", part, methods=["GET"]),
]
