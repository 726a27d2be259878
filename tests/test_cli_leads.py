"""`python server.py leads`: into the database from the command line, also while it serves."""

import json
import subprocess
import sys

import pytest

from agents.grounding.lead import Lead
from tests.serving import ROOT, environment, is_problem, rows, script, serve, types, words


def leads(folder, *arguments):
    return subprocess.run(
        [sys.executable, "server.py", "leads", *map(str, arguments)],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
    )


def count(folder):
    ((count,),) = rows(folder / "leadstream.db", "SELECT COUNT(*) FROM leads")
    return count


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text(
        "email,country,colour\n" + "".join(f"p{n}@x.example,DE,\n" for n in range(2000))
    )
    return path


def test_a_file_comes_in_while_the_server_streams_and_the_server_knows_it(tmp_path, file):
    with serve(tmp_path) as server:
        started = server.start(script(words(400), pace_ms=5))
        with server.follow(started["stream_id"]) as reading:
            reading.until(b'"token"')
            done = leads(tmp_path, "import", file)
            assert (done.returncode, done.stderr) == (0, "")
            assert "Columns that mean nothing here: colour." in done.stdout
            assert "2000 rows: 2000 created, 0 updated, 0 skipped" in done.stdout
            assert types(reading.rest())[-1] == "complete"
        assert len(server.http.get("/api/leads?q=p1999@").json()["items"]) == 1
    assert count(tmp_path) == 2001  # and the one that the stream was started for


def test_a_skipped_row_is_told_and_is_the_exit_status(tmp_path, file):
    file.write_text("email,city\nann@a.example,Ulm\nann,Ulm\n")
    done = leads(tmp_path, "import", file)
    assert done.returncode == 1
    assert "row 3, email: Expected an address" in done.stdout
    assert count(tmp_path) == 1


def test_a_dry_run_writes_nothing(tmp_path, file):
    assert "nothing was written" in leads(tmp_path, "import", file, "--dry-run").stdout
    assert count(tmp_path) == 0


def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, file):
    file.write_bytes("email\n\xe4".encode("latin-1"))
    done = leads(tmp_path, "import", file)
    assert (done.returncode, "not UTF-8" in done.stderr) == (1, True)
    assert "cannot be read" in leads(tmp_path, "import", tmp_path / "none.csv").stderr


def test_the_demonstration_comes_first_or_not_at_all(tmp_path):
    with serve(tmp_path) as server:
        assert server.http.get("/api/leads").json()["items"] == []
        answer = server.http.post("/api/leads/demo")
        assert (answer.status_code, answer.json()) == (201, {"created": 8})
        for lead in server.http.get("/api/leads").json()["items"]:
            assert "fictional" in lead["source_detail"]
        is_problem(server.http.post("/api/leads/demo"), 409, "conflict")
        assert leads(tmp_path, "demo").returncode == 1
        for lead in server.http.get("/api/leads").json()["items"]:
            server.http.delete(f"/api/leads/{lead['id']}")
        assert leads(tmp_path, "demo").returncode == 0
    assert count(tmp_path) == 8


def test_the_demonstrations_leads_are_leads():
    """They go in as they are: what the door would refuse must not be among them."""
    for lead in json.loads((ROOT / "api" / "demo_leads.json").read_text()):
        assert Lead.model_validate(lead).id == lead["id"]
        assert lead["email"].endswith(".example")
