"""The seller's profile: what it is out of the box, and that every version stays."""

import pytest

from agents.grounding import seller
from store import seller_profiles
from store.database import Database
from tests.agents.models import BOOK
from tests.inside import inside
from tests.serving import is_problem

pytestmark = pytest.mark.anyio


async def test_out_of_the_box_it_is_the_profile_of_the_book():
    found = seller.shown(await seller.current(None))
    assert found["version"] == 1
    assert {name: found[name] for name in BOOK["seller_profile"]} == BOOK["seller_profile"]


async def test_every_change_is_a_new_version(tmp_path):
    first = await seller.current(None)
    async with Database(tmp_path / "leadstream.db") as database:
        from datetime import UTC, datetime

        for company in ("One", "Two"):
            profile = first.profile.model_copy(update={"company": company})
            said = profile.model_dump(mode="json")
            await database.write(seller_profiles.saved("", said, datetime.now(UTC)))
        found = await seller.current(database)
        assert (found.version, found.profile.company) == (3, "Two")
        assert len(await database.rows("SELECT version FROM seller_profiles")) == 2


async def test_a_prompt_has_the_claims_and_what_is_never_said():
    text = (await seller.current(None)).profile.render()
    assert "C3 Prepaid credits" in text
    assert "any customer name" in text


async def test_the_profile_is_read_and_replaced_over_http(tmp_path):
    async with inside(tmp_path) as leadstream:
        found = (await leadstream.http.get("/api/seller-profile")).json()
        found["company"] = "Another"
        answer = await leadstream.http.put("/api/seller-profile", json=found)
        assert answer.status_code == 200
        assert answer.json() == {**found, "version": 2}
        again = await leadstream.http.put("/api/seller-profile", json=found)
        is_problem(again, 409, "stale_version")
        bare = await leadstream.http.put("/api/seller-profile", json=BOOK["seller_profile"])
        assert bare.json()["version"] == 3


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"nickname": "x"}, "/nickname"),
        ({"approved_claims": [{"id": "X1", "text": "x"}]}, "/approved_claims/0/id"),
        ({"disqualifiers": ["ugly"]}, "/disqualifiers/0"),
        ({"scoring": {}}, "/scoring/weights"),
    ],
)
async def test_a_profile_that_does_not_fit_is_refused_with_the_place(tmp_path, change, pointer):
    async with inside(tmp_path) as leadstream:
        said = BOOK["seller_profile"] | change
        problem = is_problem(
            await leadstream.http.put("/api/seller-profile", json=said), 422, "invalid_input"
        )
        assert pointer in [fault["pointer"] for fault in problem["errors"]]


async def test_weights_add_up_to_a_hundred():
    scoring = (await seller.current(None)).profile.scoring.model_dump()
    scoring["weights"]["pain"] += 1
    with pytest.raises(ValueError, match="add up to 100"):
        seller.Scoring.model_validate(scoring)
