"""The prefix under which a proxy shows us: URLs in answers begin with it.

It works whether the proxy strips the prefix or passes it on. uvicorn's own `root_path` is not used,
because it prepends the prefix to every path.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._root_path and scope["type"] in ("http", "websocket"):
            scope = {**scope, "root_path": self._root_path}
        await self._app(scope, receive, send)
