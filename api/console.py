"""The console: one page, its modules and what they are built with, as they lie in `web/`.

Nothing is built: the files are served as they are, and every address in them is relative, so the
page works below any prefix. A model's words are shown in it, so nothing may run or load that is not
ours: the policy allows our own modules and, by its hash, the one inline script, the import map.
"""

import base64
import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from settings import Settings

WEB = Path(__file__).parent.parent / "web"

_VERSIONED = re.compile(r"vendor/[^/]+-\d[^/]*/")
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.S)


class Files(StaticFiles):
    """`web/`. Anybody's page may import from it: it holds nothing of anybody."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if _VERSIONED.match(path) else "no-cache"
        )
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response


class Page(Files):
    """The console, under a policy that was made from it at the start."""

    def __init__(self, directory: Path, frame_ancestors: str) -> None:
        super().__init__(directory=directory)
        self._policy = policy((directory / "index.html").read_text(), frame_ancestors)

    async def show(self, request: Request) -> Response:
        """`GET /`: the console, a page for people."""
        response = await self.get_response("index.html", request.scope)
        response.headers["Content-Security-Policy"] = self._policy
        return response


def policy(page: str, frame_ancestors: str) -> str:
    """The Content-Security-Policy of `page`; `frame_ancestors` are the origins that frame it."""
    hashes = [hashlib.sha256(script.encode()).digest() for script in _IMPORT_MAP.findall(page)]
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    framed_by = frame_ancestors or "'none'"
    return (
        f"default-src 'none'; script-src 'self' {sources}; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {framed_by}; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def routes(settings: Settings, *, web: Path = WEB) -> list[BaseRoute]:
    page = Page(web, settings.frame_ancestors)
    return [Route("/", page.show, methods=["GET"]), Mount("/web", Files(directory=web))]
