"""Problems on the wire: RFC 9457, for everything that is refused before the first byte."""

import logging
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from errors import Problem
from streams import sse

logger = logging.getLogger("leadstream.api")

_TITLES = {404: "There is no such page", 405: "This method does not work here"}


class ProblemResponse(Response):
    media_type = "application/problem+json"

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None) -> None:
        headers = {"Cache-Control": "no-store"}
        if retry_after_s is not None:
            headers["Retry-After"] = str(ceil(retry_after_s))
        super().__init__(sse.to_json(body), status_code=status, headers=headers)


def respond(problem: Problem, **extra: Any) -> ProblemResponse:
    """`problem` as a response; `extra` are members of its own, as `execution_id`."""
    body = {
        "type": f"urn:leadstream:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "retryable": problem.retryable,
        **problem.extra,
        **extra,
    }
    return ProblemResponse(problem.status, body, problem.retry_after_s)


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return respond(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What starlette itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    body = {
        "type": "about:blank",
        "title": _TITLES.get(error.status_code, "The request was refused"),
        "status": error.status_code,
        "detail": f"{request.method} {request.url.path[:200]}: {error.detail}.",
        "code": {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused"),
        "retryable": False,
    }
    response = ProblemResponse(error.status_code, body, None)
    response.headers.update(error.headers or {})
    return response


async def on_bug(request: Request, error: Exception) -> Response:
    """A mistake of ours: logged whole, told in one sentence."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return respond(Problem("Something went wrong inside Leadstream. The log has the details."))
