"""The seller's profile: read it, put another in its place. What was stays as an older version."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agents.grounding import seller
from api import body
from api.house import House, house_of, owner_of
from errors import Conflict
from executions.start import checked
from store import seller_profiles
from streams import sse


async def read(request: Request) -> Response:
    """`GET /api/seller-profile`: the newest version."""
    return await _answer(house_of(request), owner_of(request))


async def write(request: Request) -> Response:
    """`PUT /api/seller-profile`: the whole profile, as it is read.

    `version` may be left out; where it is sent it must be the newest one, else Conflict.
    """
    house = house_of(request)
    said = await body.json_object(request)
    version = said.pop("version", None)
    profile = checked(seller.SellerProfile, said)
    owner = owner_of(request)
    found = (await seller.current(house.database, owner)).version
    if version not in (None, found):
        raise Conflict(
            f"The profile is at version {found}, not {version!r}: read it and change that one.",
            code="stale_version",
        )
    at = datetime.now(UTC)
    await house.database.write(seller_profiles.saved(owner, profile.model_dump(mode="json"), at))
    return await _answer(house, owner)


async def _answer(house: House, owner: str) -> Response:
    found = await seller.current(house.database, owner)
    return Response(sse.to_json(seller.shown(found)), media_type="application/json")


routes: list[BaseRoute] = [
    Route("/api/seller-profile", read, methods=["GET"]),
    Route("/api/seller-profile", write, methods=["PUT"]),
]
