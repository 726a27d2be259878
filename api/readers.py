"""Readers: each connection that follows a stream has a place, from before its answer to its end.

Taken around the endpoint, so that whoever starts and reads in one call is refused before anything
is spent, and given back however the connection ends.
"""

import resource
import sys

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.house import client_of, house_of


class Reading:
    """ASGI around an endpoint that answers with a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        with house_of(connection).reading(client_of(connection)):
            await self._app(scope, receive, send)


def most_readers(wanted: int) -> int:
    """`wanted`, or 70 % of the file descriptors where those are fewer: vendors and the disk need
    the rest. The process's own limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < (enough := min(wanted * 10 // 7 + 1, most)):
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
        soft = enough
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft * 7 // 10)
