"""What a proxy in front says: the prefix under which it shows us, and whom it speaks for.

URLs in answers begin with the prefix, which is LEADSTREAM_ROOT_PATH or a trusted proxy's
`X-Forwarded-Prefix`, and a request is found whether the proxy strips it or passes it on. uvicorn's
own `root_path` is not used, because it prepends to every path. Its proxy middleware runs below this
one: behind it nobody knows any more which peer has sent the headers.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
"""No `//`: a browser would take what follows it for a host. No dots that lead upwards."""


class Prefix:
    """`trusted`: addresses and networks of proxies whose X-Forwarded-* headers count."""

    def __init__(self, app: ASGIApp, root_path: str, trusted: str) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # type: ignore[arg-type]
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (prefix := self._prefix(scope)):
            path = scope["path"]
            passed_on = path == prefix or path.startswith(f"{prefix}/")
            root_path = prefix + scope.get("root_path", "")
            path = path if passed_on else prefix + path
            scope = {**scope, "root_path": root_path, "path": path}
        await self._app(scope, receive, send)  # type: ignore[arg-type]

    def _prefix(self, scope: Scope) -> str:
        client = scope.get("client")
        if client and client[0] in self._app.trusted_hosts:
            headers = dict(scope["headers"])
            said: str = headers.get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/")
            if len(said) <= 200 and _PREFIX.fullmatch(said):
                return said
        return self._root_path
