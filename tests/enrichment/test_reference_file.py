"""The reference file: companies that the user has already."""

import pytest

from tests.enrichment.conftest import Desk, desk_of

pytestmark = pytest.mark.anyio

ROWS = """\
Domain,company_name,employee_count,country,industry,first_name
brightquill.example,Brightquill Software,"1,420",United States,software,Dana
,Pellworth Dental Group,35,US,,
,,7,US,,
brightquill.example,Second of its name,1,DE,,
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "companies.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
async def desk(tmp_path, path):
    desk = Desk()
    async with desk_of(desk, tmp_path, {"LEADSTREAM_REFERENCE_FILE": str(path)}):
        yield desk


async def values(desk, lead):
    looked = await desk.ask(lead, "reference_file", credits=0)
    assert looked.credits == 0
    return looked.match, {name: field["value"] for name, field in looked.fields.items()}


BRIGHTQUILL = {
    "company_name": "Brightquill Software",
    "domain": "brightquill.example",
    "employee_count": 1420,
    "country": "US",
    "industry": "software",
}


async def test_a_company_is_found_by_its_domain_and_costs_nothing(desk):
    assert await values(desk, {"email": "x@brightquill.example"}) == ("found", BRIGHTQUILL)


async def test_and_by_its_name_however_it_is_written(desk):
    found = {"company_name": "Pellworth Dental Group", "employee_count": 35, "country": "US"}
    assert await values(desk, {"company_name": "pellworth  DENTAL group"}) == ("found", found)


async def test_who_is_not_in_it_is_a_miss(desk):
    assert await values(desk, {"domain": "other.example"}) == ("none", {})


@pytest.mark.parametrize(
    "written", [ROWS.replace(",", ";").replace("1;420", "1,420"), "\ufeff" + ROWS]
)
async def test_it_may_come_out_of_a_spreadsheet(desk, path, written):
    path.write_text(written, encoding="utf-8")
    assert await values(desk, {"domain": "brightquill.example"}) == ("found", BRIGHTQUILL)


async def test_a_changed_file_is_read_again(desk, path):
    assert (await values(desk, {"domain": "new.example"}))[0] == "none"
    path.write_text("domain,city\nnew.example,Oslo\n")
    assert await values(desk, {"domain": "new.example"}) == (
        "found",
        {"domain": "new.example", "city": "Oslo"},
    )


@pytest.mark.parametrize("spoil", ["gone", "binary"])
async def test_a_file_that_cannot_be_read_is_said_to_be(desk, path, spoil):
    path.unlink() if spoil == "gone" else path.write_bytes(b"domain\n\xff\xfe.example\n")
    looked = await desk.ask({"domain": "new.example"}, "reference_file")
    assert looked.match == "failed"
    assert "LEADSTREAM_REFERENCE_FILE cannot be read" in looked.why
    assert str(path) not in looked.why
