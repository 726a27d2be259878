"""Leads: who is sold to. Created one by one or in hundreds, listed, searched, changed, removed."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, RootModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agents.grounding.lead import Lead
from api import body, lead_transfer, paging
from api.house import house_of, owner_of
from api.streams import lead_id_of, url
from errors import BadRequest, Invalid, NotFound
from executions.erasure import erase
from executions.start import checked
from store import leads as table
from store import person, suppression
from store.jsons import load
from streams import sse

MAX_LEADS = 500
MAX_BYTES = 4 * 1024 * 1024

Batch = RootModel[Annotated[list[Lead], Field(max_length=MAX_LEADS)]]


async def create(request: Request) -> Response:
    """`POST /api/leads`: one, or an array of up to 500, all of them or none."""
    data = await body.read(request, MAX_BYTES)
    # Megabytes of JSON: in a thread, so that no stream waits for them.
    said = await asyncio.to_thread(_leads_in, data)
    came = said if isinstance(said, list) else [said]
    kept = await house_of(request).database.transact(table.Keeping(owner_of(request)).batch(came))
    items = [one._asdict() for one in kept]
    if isinstance(said, list):
        counts = Counter(item["outcome"] for item in items)
        named = {name: counts[name] for name in ("created", "updated", "refused")}
        return _answer({**named, "items": items})
    if kept[0].lead_id is None:
        raise suppression.refusal()
    answer = await _shown(request, kept[0].lead_id) | items[0]
    location = {"Location": url(request, f"/api/leads/{kept[0].lead_id}")}
    return _answer(answer, 201 if kept[0].outcome == "created" else 200, location)


async def listed(request: Request) -> Response:
    """`GET /api/leads?limit=&cursor=&q=`: the newest first."""
    page = paging.asked(request)
    rows = await table.listed(
        house_of(request).database,
        owner_of(request),
        limit=page.limit + 1,
        before=page.before,
        q=request.query_params.get("q", ""),
    )
    items = [shown(row) for row in rows[: page.limit]]
    return _answer({"items": items, "next_cursor": paging.next_cursor(page, rows, "lead_id")})


async def one(request: Request) -> Response:
    """`GET /api/leads/{lead_id}`: every field, null for an unknown one."""
    return _answer(await _shown(request, lead_id_of(request.path_params["lead_id"])))


async def change(request: Request) -> Response:
    """`PATCH /api/leads/{lead_id}`: the fields that are sent; null makes one unknown."""
    lead_id = lead_id_of(request.path_params["lead_id"])
    changes = checked(Lead, await body.json_object(request))
    if changes.id not in (None, lead_id):
        raise Invalid(
            f"A lead keeps its id, {lead_id!r}.",
            errors=[{"pointer": "/id", "detail": "differs from the path"}],
        )
    said = changes.said()
    del said["id"]
    work = table.changed(owner_of(request), lead_id, said, datetime.now(UTC))
    if not await house_of(request).database.transact(work):
        raise _unknown(lead_id)
    return _answer(await _shown(request, lead_id))


async def remove(request: Request) -> Response:
    """`DELETE /api/leads/{lead_id}`: the lead goes; what was done with it stays in the history.

    With `?reason=erasure` everything about the person goes, and the address is refused from then.
    """
    lead_id = lead_id_of(request.path_params["lead_id"])
    reason = request.query_params.get("reason")
    if reason == "erasure":
        return await _erase(request, lead_id)
    if reason is not None:
        raise BadRequest("`reason` is erasure, or is left out.", code="bad_reason")
    database = house_of(request).database
    if await table.row_of(database, owner_of(request), lead_id) is None:
        raise _unknown(lead_id)
    await database.write(table.removed(owner_of(request), lead_id))
    return Response(status_code=204)


async def export(request: Request) -> Response:
    """`GET /api/leads/{lead_id}/export`: every row that is stored about the person, by table."""
    lead_id = lead_id_of(request.path_params["lead_id"])
    database = house_of(request).database
    found = await person.find(database, owner_of(request), lead_id)
    if found is None:
        raise _unknown(lead_id)
    row = await table.row_of(database, owner_of(request), lead_id)
    stored = await person.everything(database, found)
    answer = {"lead_id": lead_id, "lead": row and shown(row), "stored": stored}
    # It may be long: in a thread, so that no stream waits for it.
    return await asyncio.to_thread(_answer, answer)


async def _erase(request: Request, lead_id: str) -> Response:
    erased = await erase(house_of(request).executions, owner_of(request), lead_id)
    if erased is None:
        raise _unknown(lead_id)
    found = erased.person
    answer = {"lead_id": lead_id, "leads": len(found.leads), "executions": len(found.executions)}
    answer |= {"suppressed": bool(found.emails), "file_rewritten": erased.file_rewritten}
    return _answer(answer)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a lead: every field, null for an unknown one, beside its `lead_id`."""
    known = load(row["lead"])
    return {
        "lead_id": row["lead_id"],
        **{name: known.get(name) for name in Lead.model_fields},
        "id": row["lead_id"],
        "created_at": known.get("created_at") or row["created_at"],
        "updated_at": row["updated_at"],
    }


def _leads_in(data: bytes) -> dict[str, Any] | list[dict[str, Any]]:
    """One lead's fields, or those of each; raises BadRequest or Invalid."""
    said = body.parse(data)
    if not isinstance(said, list):
        return checked(Lead, said).said()
    batch = [lead.said() for lead in checked(Batch, said).root]
    ids = Counter(lead["id"] for lead in batch if lead["id"])
    twice = [f"/{nth}/id" for nth, lead in enumerate(batch) if ids[lead["id"]] > 1]
    if twice:
        errors = [{"pointer": at, "detail": "stands in this body twice"} for at in twice[:20]]
        raise Invalid("Two leads of this body have one id.", errors=errors)
    return batch


async def _shown(request: Request, lead_id: str) -> dict[str, Any]:
    row = await table.row_of(house_of(request).database, owner_of(request), lead_id)
    if row is None:
        raise _unknown(lead_id)
    return shown(row)


def _unknown(lead_id: str) -> NotFound:
    return NotFound(f"There is no lead {lead_id!r}.", code="unknown_lead")


def _answer(
    answer: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        sse.to_json(answer), status_code=status, headers=headers, media_type="application/json"
    )


routes: list[BaseRoute] = [
    *lead_transfer.routes,
    Route("/api/leads", listed, methods=["GET"]),
    Route("/api/leads", create, methods=["POST"]),
    Route("/api/leads/{lead_id}", one, methods=["GET"]),
    Route("/api/leads/{lead_id}", change, methods=["PATCH"]),
    Route("/api/leads/{lead_id}", remove, methods=["DELETE"]),
    Route("/api/leads/{lead_id}/export", export, methods=["GET"]),
]
