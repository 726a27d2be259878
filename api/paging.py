"""Pages of a list: `limit` and `cursor` as they are asked for, and `next_cursor` as it is told.

A cursor is a place, the time and id of the last row shown, and no offset: what comes in during a
walk moves nothing.
"""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.requests import Request

from errors import BadRequest

MAX_LIMIT = 200


class Page(NamedTuple):
    """At most `limit` rows, `before` a `(created_at, id)`. Ask the store for one more."""

    limit: int
    before: tuple[str, str] | None


def asked(request: Request) -> Page:
    """Raises BadRequest `bad_limit` or `bad_cursor`."""
    query = request.query_params
    return Page(_limit(query.get("limit", "50")), _place(query.get("cursor")))


def next_cursor(page: Page, rows: Sequence[dict[str, Any]], id_name: str) -> str | None:
    """Where the next page begins; None where there is none. `rows` hold one more than is shown."""
    if len(rows) <= page.limit:
        return None
    last = rows[page.limit - 1]
    place = f"{last['created_at']} {last[id_name]}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _limit(given: str) -> int:
    short = given.isascii() and given.isdigit() and len(given) <= len(str(MAX_LIMIT))
    if not short or not 1 <= int(given) <= MAX_LIMIT:
        raise BadRequest(f"`limit` is a number from 1 to {MAX_LIMIT}.", code="bad_limit")
    return int(given)


def _place(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, row_id = place.split(" ")
    except ValueError:
        raise BadRequest(
            "`cursor` is the `next_cursor` of an earlier answer, as it was.", code="bad_cursor"
        ) from None
    return created_at, row_id
