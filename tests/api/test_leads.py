"""Leads: created one by one or in hundreds, merged, listed, searched, changed and removed."""

import json

import pytest

from tests.serving import is_problem, serve

DANA = {"first_name": "Dana", "email": "dana@quill.example", "company_name": "Quill Ltd"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("leads")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_leads(server):
    for lead in walked(server):
        assert server.http.delete(f"/api/leads/{lead['lead_id']}").status_code == 204


def created(server, lead, status=201):
    answer = server.http.post("/api/leads", json=lead)
    assert answer.status_code == status, answer.text
    return answer.json()


def walked(server, **query):
    items, cursor = [], {}
    while cursor is not None:
        page = server.http.get("/api/leads", params={**query, **cursor}).json()
        items += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return items


def test_a_lead_is_created_and_read_back_with_what_is_unknown_as_null(server):
    answer = server.http.post("/api/leads", json=DANA)
    assert answer.status_code == 201
    lead = server.http.get(answer.headers["location"]).json()
    assert lead == server.http.get(f"/api/leads/{answer.json()['lead_id']}").json()
    assert lead.items() >= DANA.items()
    assert lead["id"] == lead["lead_id"]
    assert lead["city"] is None


def test_a_lead_may_bring_its_id_and_a_start_knows_it_by_that(server):
    created(server, {**DANA, "id": "dana-1"})
    started = server.try_to_start(lead_id="dana-1", lead=None)
    assert started.status_code == 201, started.text


def test_the_same_address_without_an_id_is_the_same_lead(server):
    first = created(server, DANA)
    came = {"email": " Dana@Quill.EXAMPLE".strip(), "city": "Ulm", "company_name": "Quill Inc"}
    second = created(server, came, status=200)
    assert (second["lead_id"], second["outcome"]) == (first["lead_id"], "updated")
    assert second["city"] == "Ulm"
    assert second["company_name"] == "Quill Ltd"
    assert second["email"] == DANA["email"]
    assert second["conflicts"] == [
        {"field": "company_name", "kept": "Quill Ltd", "came": "Quill Inc"}
    ]


def test_the_same_id_is_updated_as_it_is_said(server):
    created(server, {**DANA, "id": "dana"})
    again = created(server, {"id": "dana", "company_name": "Quill Inc"}, status=200)
    assert (again["company_name"], again["email"]) == ("Quill Inc", DANA["email"])
    assert again["conflicts"] == []


def test_two_ids_with_one_address_are_two_leads(server):
    created(server, {**DANA, "id": "one"})
    created(server, {**DANA, "id": "two"})
    assert len(walked(server)) == 2


def test_an_objection_counts_whenever_it_comes(server):
    created(server, {**DANA, "opted_out": False})
    assert created(server, {**DANA, "opted_out": True}, status=200)["opted_out"] is True
    again = created(server, {**DANA, "opted_out": False}, status=200)
    assert again["opted_out"] is True
    assert [conflict["field"] for conflict in again["conflicts"]] == ["opted_out"]


def test_five_hundred_leads_come_in_one_body_and_each_is_answered_in_its_place(server):
    batch = [{"email": f"p{number}@quill.example"} for number in range(499)]
    answer = created(server, [*batch, {"email": "P0@quill.example", "city": "Ulm"}], status=200)
    assert (answer["created"], answer["updated"]) == (499, 1)
    outcomes = [item["outcome"] for item in answer["items"]]
    assert outcomes == ["created"] * 499 + ["updated"]
    assert answer["items"][499]["lead_id"] == answer["items"][0]["lead_id"]
    assert len(walked(server, limit=200)) == 499


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_a_walk_in_pages_of_any_size_meets_every_lead_once_the_newest_first(server, limit):
    ids = [item["lead_id"] for item in created(server, [{}] * 5, status=200)["items"]]
    assert [lead["lead_id"] for lead in walked(server, limit=limit)] == ids[::-1]


@pytest.mark.parametrize(
    "q", ["dana", "OKAFOR", "Dana Okafor", "quill ltd", "Müller", "quill.ex", "MÜLLER.EXAMPLE"]
)
def test_a_search_finds_names_companies_addresses_and_domains(server, q):
    created(
        server,
        [
            {**DANA, "last_name": "Okafor", "title": "Müller", "domain": "müller.example"},
            {"first_name": "Ben", "notes": "dana okafor quill ltd müller quill.example"},
        ],
        status=200,
    )
    assert [lead["first_name"] for lead in walked(server, q=q)] == ["Dana"]


@pytest.mark.parametrize("q", ["%", "_", "dana%", "' OR 1=1 --"])
def test_a_search_takes_every_character_as_it_is(server, q):
    created(server, DANA)
    assert walked(server, q=q) == []


def test_a_change_touches_what_it_names_and_null_makes_it_unknown(server):
    lead_id = created(server, {**DANA, "city": "Ulm"})["lead_id"]
    answer = server.http.patch(f"/api/leads/{lead_id}", json={"city": None, "title": "CFO"})
    assert answer.status_code == 200
    lead = answer.json()
    assert (lead["city"], lead["title"], lead["email"]) == (None, "CFO", DANA["email"])
    assert walked(server, q="quill ltd")[0] == lead


def test_what_is_removed_is_gone(server):
    lead_id = created(server, DANA)["lead_id"]
    assert server.http.delete(f"/api/leads/{lead_id}").status_code == 204
    for method in ("get", "delete"):
        is_problem(getattr(server.http, method)(f"/api/leads/{lead_id}"), 404, "unknown_lead")
    is_problem(server.http.patch(f"/api/leads/{lead_id}", json={}), 404, "unknown_lead")


REFUSED = {
    "an unknown field": ({"emial": "a@b.c"}, "/emial"),
    "a country in words": ({"country": "Germany"}, "/country"),
    "a language in words": ({"language": "German!"}, "/language"),
    "an address without an at": ({"email": "dana"}, "/email"),
    "a number as text": ({"employee_count": "12"}, "/employee_count"),
    "a field that is too long": ({"city": "x" * 501}, "/city"),
    "an id with a slash": ({"id": "a/b"}, "/id"),
    "an unknown field further down": ({"consent": {"who": "me"}}, "/consent/who"),
    "the fourth of five": ([{}, {}, {}, {"country": "D"}, {}], "/3/country"),
    "an id twice": ([{"id": "a"}, {}, {"id": "a"}], "/2/id"),
    "one too many": ([{}] * 501, ""),
    "a number": (5, ""),
    "an array in an array": ([[]], "/0"),
}


@pytest.mark.parametrize(("said", "pointer"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_named_and_nothing_is_stored(server, said, pointer):
    problem = is_problem(server.http.post("/api/leads", json=said), 422)
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert walked(server) == []


@pytest.mark.parametrize(
    "said", [b"", b"{", b'{"city":"a\\u0000b"}', b'{"city":"\\ud83d"}', b'[{"id":"a","id":"b"}]']
)
def test_what_cannot_be_read_is_a_bad_request(server, said):
    is_problem(server.http.post("/api/leads", content=said), 400, "bad_json")


def test_a_body_has_a_size(server):
    said = json.dumps([{"notes": "x" * 10_000}] * 500)
    is_problem(server.http.post("/api/leads", content=said), 413, "body_too_large")


@pytest.mark.parametrize(
    ("query", "code"),
    [("limit=0", "bad_limit"), ("limit=201", "bad_limit"), ("cursor=%00", "bad_cursor")],
)
def test_a_list_says_what_it_did_not_understand(server, query, code):
    is_problem(server.http.get(f"/api/leads?{query}"), 400, code)


def test_a_change_does_not_rename(server):
    created(server, {**DANA, "id": "dana"})
    is_problem(server.http.patch("/api/leads/dana", json={"id": "ben"}), 422)
    is_problem(server.http.patch("/api/leads/dana", json={"emial": "x"}), 422)
    is_problem(server.http.get("/api/leads/da.na"), 400, "bad_lead_id")
