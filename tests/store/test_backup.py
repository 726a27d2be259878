"""Backups: whole while the server writes, and put back only where nobody does."""

import subprocess
import sys

import pytest

from errors import BadRequest, Storage
from store.backup import back_up, restore
from store.beside import reading, writing
from tests.serving import ROOT, environment, frames, rows, script, serve, text, words


def command(tmp_path, *words):
    return subprocess.run(
        [sys.executable, "server.py", *map(str, words)],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_backup_taken_in_the_middle_is_whole_and_serves_in_its_place(tmp_path):
    copy = tmp_path / "copy.db"
    with serve(tmp_path) as server:
        ended = server.start(script(words(50)), detach=True)["stream_id"]
        before = frames(server.read(ended))
        running = server.start(script(words(80), pace_ms=10), detach=True)["stream_id"]
        with server.follow(running) as reader:
            reader.until(b'"token"', times=5)
            assert command(tmp_path, "backup", copy).returncode == 0
            assert text(reader.rest()) == words(80)
        refused = command(tmp_path, "restore", copy)
        assert refused.returncode == 1
        assert "Another Leadstream serves" in refused.stderr
        later = server.start("later")["stream_id"]
        server.read(later)
        server.terminate()
        assert command(tmp_path, "restore", copy).returncode == 0
        server.run()
        assert frames(server.read(ended)) == before
        assert text(server.read(running)) == words(80), "it was open then, so it is taken up"
        assert server.http.get(f"/api/stream/{later}").status_code == 404
    assert rows(
        tmp_path / "leadstream.db.before", "SELECT 1 FROM streams WHERE stream_id = ?", later
    )


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_written(tmp_path):
    there, database = tmp_path / "there", tmp_path / "leadstream.db"
    there.write_bytes(b"precious")
    with pytest.raises(BadRequest, match="never overwrites"):
        back_up(database, there)
    with pytest.raises(BadRequest, match="There is no database"):
        back_up(database, tmp_path / "copy")
    database.write_bytes(b"SQLite format 3\x00" + b"no database at all " * 500)
    with pytest.raises(Storage):
        back_up(database, tmp_path / "copy")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["leadstream.db", "there"]
    assert there.read_bytes() == b"precious"


def test_what_is_no_backup_is_not_put_back(tmp_path):
    database, bad = tmp_path / "leadstream.db", tmp_path / "bad"
    with writing(database):
        pass
    bad.write_bytes(b"SQLite format 3\x00" + b"no database at all " * 500)
    before = database.read_bytes()
    with pytest.raises(Storage):
        restore(bad, database)
    with pytest.raises(BadRequest, match="There is no backup"):
        restore(tmp_path / "nowhere", database)
    assert database.read_bytes() == before


def add(database, stream_id):
    with writing(database) as connection:
        connection.execute(
            "INSERT INTO streams (stream_id, created_at) VALUES (?, 'x')", [stream_id]
        )


def names(database):
    with reading(database) as connection:
        return [stream_id for (stream_id,) in connection.execute("SELECT stream_id FROM streams")]


def test_what_was_replaced_is_kept_with_all_that_belongs_to_it(tmp_path):
    """Twice: a log of the first one must not be read into the second."""
    database, copy = tmp_path / "leadstream.db", tmp_path / "copy"
    add(database, "one")
    back_up(database, copy)
    add(database, "two")
    restore(copy, database)
    assert names(database) == ["one"]
    assert names(tmp_path / "leadstream.db.before") == ["one", "two"]
    restore(copy, database)
    assert names(tmp_path / "leadstream.db.before") == ["one"]
    assert names(database) == ["one"]
