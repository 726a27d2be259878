"""Files of leads: every row is accounted for, and what goes out comes back as it was."""

import csv
import io
import json
import threading

import pytest

from tests.serving import is_problem, rows, script, serve, types, words

IMPORT = "/api/leads/import"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("import"), heartbeat_s=0.2) as server:
        yield server


@pytest.fixture(autouse=True)
def no_leads(server):
    for lead in listed(server):
        server.http.delete(f"/api/leads/{lead['lead_id']}")


def listed(server):
    return server.http.get("/api/leads", params={"limit": 200}).json()["items"]


def post(server, content, query="", **how):
    content = content if isinstance(content, bytes) else content.encode()
    return server.http.post(IMPORT + query, content=content, **how)


def imported(server, content, query="", **how):
    """The report of an import that was taken; its counts add up."""
    answer = post(server, content, query, **how)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["created"] + report["updated"] + report["skipped"] == report["rows"]
    assert len({error["row"] for error in report["errors"]}) == report["skipped"]
    return report


def faults(report):
    return [(error["row"], error["field"]) for error in report["errors"]]


def test_a_file_of_leads_comes_in(server):
    report = imported(server, "email,first_name,city\nann@a.example,Ann,Ulm\nben@b.example,Ben,\n")
    assert (report["created"], report["updated"], report["skipped"]) == (2, 0, 0)
    ben, ann = listed(server)
    assert (ann["email"], ann["first_name"], ann["city"]) == ("ann@a.example", "Ann", "Ulm")
    assert (ben["email"], ben["city"]) == ("ben@b.example", None)


EXPORTS = {
    "Salesforce": (
        '"First Name","Last Name","Title","Company","Email","Phone","Country","No. of Employees",'
        '"Annual Revenue","Lead Source","Email Opt Out","Rating"\r\n'
        '"Ann","Lee","CFO","Acme","ann@a.example","+49 1","de","1,200","1.500.000","Web","0","Hot"',
        ["Rating"],
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Job Title,Company Name,Email,Phone Number,Country/Region,"
        "Number of Employees,Annual Revenue,Original Source,Unsubscribed from all email\n"
        "51,Ann,Lee,CFO,Acme,ann@a.example,+49 1,DE,1200,1500000,Web,false\n",
        ["Record ID"],
    ),
    "Excel in German": (
        "\ufeffVorname;Nachname;Position;Firma;E-Mail;Telephone;Land;Employees;Annual revenue;"
        "Source;Opt-out\r\nAnn;Lee;CFO;Acme;ann@a.example;+49 1;DE;1.200;1 500 000;Web;nein\r\n",
        [],
    ),
    "Excel with its first line": (
        "sep=;\r\nfirst_name;last_name;title;company_name;email;phone;country;employee_count;"
        "annual_revenue_usd;source;opted_out\r\n"
        "Ann;Lee;CFO;Acme;ann@a.example;+49 1;DE;1200;1500000.0;Web;false\r\n",
        [],
    ),
}


@pytest.mark.parametrize(("content", "ignored"), EXPORTS.values(), ids=EXPORTS)
def test_the_usual_exports_are_understood_and_what_is_left_out_is_named(server, content, ignored):
    report = imported(server, content)
    assert (report["created"], report["ignored_columns"]) == (1, ignored)
    (lead,) = listed(server)
    assert lead.items() >= {
        "first_name": "Ann", "last_name": "Lee", "title": "CFO", "company_name": "Acme",
        "email": "ann@a.example", "phone": "+49 1", "country": "DE", "employee_count": 1200,
        "annual_revenue_usd": 1500000, "source": "Web", "opted_out": False,
    }.items()  # fmt: skip


BROKEN = (
    "id,email,country,language,employee_count,notes\n"
    "a,ann@a.example,DE,de,5,fine\n"  # row 2
    "b,ben@b.example,Germany,de,5,a country in words\n"  # 3
    "c,ben@b.example,DE,German!,5,a language in words\n"
    "d,no address,DE,de,5,an address\n"  # 5
    "e,eve@e.example,DE,de,51-200,a range\n"
    "f,too,short\n"  # 7
    "g,gus@g.example,DE,de,5,too,long\n"
    "a,ann@a.example,DE,de,5,an id twice\n"  # 9
    "h/h,hal@h.example,DE,de,5,an id with a slash\n"
    "i,ina@i.example,DE,de,5,a\x00b\n"  # 11
    f"j,jon@j.example,DE,de,5,{'x' * 20_001}\n"
    'k,kim@k.example,DE,de,5,"a quote "inside" a quote"\n'  # 13
    "\n"
    ",,,,,\n"
    "l,nobody,xx1,!,-5,five faults of which three are told\n"  # 16
    'm,mia@m.example,DE,de,5,"a quote that is never closed\n'
    "n,ned@n.example,DE,de,5,and what follows it\n"
    'o,oda@o.example,DE,de,5,"two\nlines"\n'
)


def test_a_broken_row_costs_that_row_and_is_named(server):
    report = imported(server, BROKEN)
    assert faults(report) == [
        (3, "country"), (4, "language"), (5, "email"), (6, "employee_count"), (7, None), (8, None),
        (9, "id"), (10, "id"), (11, "notes"), (12, "notes"), (13, None),
        (16, "email"), (16, "country"), (16, "employee_count"), (17, None),
    ]  # fmt: skip
    assert sorted(lead["id"] for lead in listed(server)) == ["a", "n", "o"]
    assert {lead["id"]: lead["notes"] for lead in listed(server)}["o"] == "two\nlines"
    (message,) = [error["message"] for error in report["errors"] if error["row"] == 3]
    assert message == "Expected two letters (ISO 3166-1 alpha-2), as in DE; 'Germany' came."


def test_a_dry_run_says_what_would_happen_and_does_nothing(server):
    imported(server, "email,city\nann@a.example,Ulm\n")
    content = "email,city,title\nANN@a.example,Bonn,CFO\nben@b.example,,\nBen@b.example,Ulm,x\nno,,"
    before = listed(server)
    dry = imported(server, content, "?dry_run=1")
    assert listed(server) == before
    assert (dry["created"], dry["updated"], dry["skipped"], dry["dry_run"]) == (1, 2, 1, True)
    report = imported(server, content)
    for told in (dry, report):
        del told["dry_run"]
        for conflict in told["conflicts"]:
            del conflict["lead_id"]
    assert dry == report
    assert report["conflicts"] == [{"row": 2, "field": "city", "kept": "Ulm", "came": "Bonn"}]


def test_a_file_may_come_in_a_form(server):
    file = {"file": ("leads.csv", b"email\nann@a.example\n", "text/csv")}
    answer = server.http.post(IMPORT, files=file, data={"list": "autumn"})
    assert answer.json()["created"] == 1


FORMS = {
    "no file": {"data": {"a": "b"}, "files": {"c": (None, b"email\nx@y.z\n")}},
    "two files": {"files": {"a": ("a.csv", b"email\n"), "b": ("b.csv", b"email\n")}},
    "no form": {"content": b"email", "headers": {"content-type": "multipart/form-data"}},
    "half a form": {
        "content": b"--x\r\nContent-Disposition: form-data",
        "headers": {"content-type": "multipart/form-data; boundary=x"},
    },
    "another boundary": {
        "content": b"--y\r\n\r\n\r\n--y--",
        "headers": {"content-type": "multipart/form-data; boundary=x"},
    },
}


@pytest.mark.parametrize("how", FORMS.values(), ids=FORMS)
def test_a_form_that_cannot_be_read_is_refused(server, how):
    is_problem(server.http.post(IMPORT, **how), 400, "bad_form")


REFUSED = {
    "nothing": (b"", "unknown_header"),
    "a header alone": (b"email,city\n", "bad_row_count"),
    "UTF-16": ("email\nä@b.example\n".encode("utf-16"), "not_csv"),
    "Latin-1": ("email,city\na@b.example,Köln\n".encode("latin-1"), "not_utf8"),
    "Latin-1 in its last row": (b"email,city\n" + b"a@b.c,U\n" * 50_000 + b"a,\xe4\n", "not_utf8"),
    "a workbook": (b"PK\x03\x04\x14\x00", "not_csv"),
    "JSON": (b'[{"email": "a@b.example"}]', "unknown_header"),
    "tabs": (b"email\tcity\na@b.example\tUlm\n", "unknown_header"),
    "another table": (b"sku,price\n1,2\n", "unknown_header"),
    "an endless header": (b"x" * 200_000 + b"\n1\n", "unknown_header"),
    "too many rows": (b"email\n" + b"a\n" * 100_001, "bad_row_count"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_file_of_leads_is_refused_and_nothing_is_stored(server, content, code):
    problem = is_problem(post(server, content), 422, code)
    if code in ("not_utf8", "not_csv", "unknown_header"):
        assert "CSV UTF-8" in problem["detail"]
    assert listed(server) == []


def test_more_than_ten_megabytes_are_too_many(server):
    content = b"email\n" + b"a@b.example\n" * 900_000
    is_problem(post(server, content), 413, "body_too_large")


STRANGE = [
    *("=1+1", "+49 30", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''@x", "'quoted'", "＝1"),
    *('"', 'a"b', "a,b;c", " outside ", "two\r\nlines", "ÄÖÜ 東京 🙂", "null", "[]"),
]


def test_what_goes_out_comes_back_as_it_was_and_runs_in_no_spreadsheet(server, tmp_path):
    sent = [
        {"id": f"-{n}", "first_name": text, "notes": text, "company_name": text}
        for n, text in enumerate(STRANGE)
    ]
    sent.append(
        {
            "id": "whole", "email": "w@x.example", "country": "DE", "employee_count": 5,
            "annual_revenue_usd": 1.5, "language": "pt-BR", "opted_out": False,
            "consent": {"basis": "inquiry", "obtained_at": "2026-11-18T15:02:11Z", "text": "-yes"},
            "messages": [{"role": "lead", "at": None, "text": "a\n=b"}],
            "created_at": "2026-11-18T15:02:11Z",
        }
    )  # fmt: skip
    assert server.http.post("/api/leads", json=sent).status_code == 200
    before = {lead["id"]: lead for lead in listed(server)}
    answer = server.http.get("/api/leads/export")
    assert answer.headers["content-type"].startswith("text/csv")
    _, *table = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert len(table) == len(sent)
    assert not [cell for row in table for cell in row if cell[:1] and cell[0] in "=+-@\t\r\n＝"]
    with serve(tmp_path) as other:
        report = imported(other, answer.content)
        assert (report["created"], report["errors"]) == (len(sent), [])
        after = {lead["id"]: lead for lead in listed(other)}
        ours = {"updated_at", "created_at"}
        for lead_id, lead in before.items():
            assert {**after[lead_id], **{n: lead[n] for n in ours}} == lead
        assert other.http.get("/api/leads/export").text.count("\r\n") == answer.text.count("\r\n")


def test_the_same_file_again_changes_nothing(server):
    content = "email,city\nann@a.example,Ulm\nben@b.example,Bonn\n"
    imported(server, content)
    before = listed(server)
    report = imported(server, content)
    assert (report["created"], report["updated"], report["conflicts"]) == (0, 2, [])
    assert listed(server) == before


def test_streams_go_on_while_ten_thousand_rows_come_in(tmp_path):
    with serve(tmp_path) as server:
        come_in_beside_a_stream(server)


def come_in_beside_a_stream(server):
    content = "email,first_name,notes\n" + "".join(
        f"p{n}@big.example,Ann,{'x' * 150}\n" if n % 100 else f"broken {n},Ann,\n"
        for n in range(10_000)
    )
    started = server.start(script(words(600), pace_ms=40))
    seen = []

    def take_in():
        seen.append(imported(server, content))

    importing = threading.Thread(target=take_in)
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"token"')
        importing.start()
        came = 0
        while importing.is_alive():
            assert reading.more(), "the stream ended before the import did"
            came += 1
        importing.join()
        server.stop(started["stream_id"])
        assert types(reading.rest())[-1] == "stopped"
    (report,) = seen
    assert (report["created"], report["skipped"]) == (9900, 100)
    assert came > 5
    ((stored,),) = rows(server.database, "SELECT COUNT(*) FROM leads WHERE search LIKE '%big%'")
    assert stored == 9900


def test_messages_in_a_cell_are_read_strictly(server):
    cells = [
        "[" * 100_000,
        '[{"role":"lead","text":"\\u0000"}]',
        '[{"role":"lead","text":"\\ud83d"}]',
        '[{"role":"boss","text":"x"}]',
        "hello",
        json.dumps([{"role": "lead", "text": "hi"}]),
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["email", "messages"], *(["a@b.example", cell] for cell in cells)])
    report = imported(server, out.getvalue())
    assert (report["created"], report["skipped"]) == (1, 5)
    assert {field for _, field in faults(report)} == {"messages"}
