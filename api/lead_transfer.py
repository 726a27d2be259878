"""Leads over HTTP as files: `POST /api/leads/import`, `GET /api/leads/export`,
and the demonstration's leads."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from api import body, lead_files
from api.house import house_of, owner_of
from errors import BadRequest
from streams import sse

MAX_BYTES = 10 * 1024 * 1024
UPLOAD_S = 120.0
PART = 64 * 1024


async def take_in(request: Request) -> Response:
    """`POST /api/leads/import?dry_run=1`: a CSV file as the body, or as a form's one file."""
    dry_run = request.query_params.get("dry_run", "0") not in ("", "0", "false")
    transact = house_of(request).database.transact
    with TemporaryFile() as received:
        await body.receive(request, received.write, max_bytes=MAX_BYTES, within_s=UPLOAD_S)
        received.seek(0)
        file = await _file_of(request, received)
        report = await lead_files.imported(transact, file, owner_of(request), dry_run=dry_run)
    # It may have an error for every row: in a thread, so that no stream waits for it.
    answer = await asyncio.to_thread(lambda: sse.to_json({**asdict(report), "rows": report.rows}))
    return Response(answer, media_type="application/json")


async def give_out(request: Request) -> Response:
    """`GET /api/leads/export`: all leads as CSV, which can be imported again."""
    return StreamingResponse(
        lead_files.exported(house_of(request).database, owner_of(request)),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="leads.csv"'},
    )


async def demonstrate(request: Request) -> Response:
    """`POST /api/leads/demo`: eight invented leads, while there is no lead yet."""
    transact = house_of(request).database.transact
    count = await lead_files.demonstrated(transact, owner_of(request))
    return Response(sse.to_json({"created": count}), 201, media_type="application/json")


async def _file_of(request: Request, received: IO[bytes]) -> IO[bytes]:
    """The body, or the one file in it where it is a form."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return received
    try:
        form = await MultiPartParser(request.headers, _parts(received), max_files=1).parse()
    except MultiPartException as error:
        raise BadRequest(f"The form cannot be read: {error.message}", code="bad_form") from None
    files = [value.file for value in form.values() if isinstance(value, UploadFile)]
    if not files:
        raise BadRequest(
            "The form has no file: send it as one, as in curl -F file=@leads.csv.", code="bad_form"
        )
    return files[0]


async def _parts(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    while part := file.read(PART):
        yield part


routes: list[BaseRoute] = [
    Route("/api/leads/import", take_in, methods=["POST"]),
    Route("/api/leads/demo", demonstrate, methods=["POST"]),
    Route("/api/leads/export", give_out, methods=["GET"]),
]
