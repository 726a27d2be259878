"""Commands beside a running server: they read and write the same file, and never checkpoint it."""

import contextlib
import sqlite3

import pytest

from errors import BadRequest, Storage
from store.beside import reading, writing
from tests.serving import script, serve, text, words

ADD = "INSERT INTO streams (stream_id, created_at) VALUES (?, 'now')"
FIND = "SELECT stream_id FROM streams ORDER BY stream_id"


def found(path):
    with reading(path) as connection:
        return [stream_id for (stream_id,) in connection.execute(FIND)]


def test_what_a_command_wrote_is_there_and_what_it_broke_off_is_not(tmp_path):
    path = tmp_path / "leadstream.db"
    with writing(path) as connection:
        connection.execute(ADD, ["one"])
    with contextlib.suppress(LookupError), writing(path) as connection:
        connection.execute(ADD, ["two"])
        raise LookupError
    assert found(path) == ["one"]


def test_a_command_never_checkpoints_not_even_as_the_last_one_to_leave(tmp_path):
    """Neither by the number of its pages nor by leaving: the file itself stays as it was."""
    path = tmp_path / "leadstream.db"
    with writing(path) as connection:
        connection.execute(ADD, ["first"])
    before = path.read_bytes()
    with writing(path) as connection:
        connection.executemany(ADD, [[f"st_{number}" * 90] for number in range(5000)])
    assert len(found(path)) == 5001
    assert path.read_bytes() == before
    assert path.with_name("leadstream.db-wal").stat().st_size > 1000 * 4096


def test_a_command_that_reads_cannot_write(tmp_path):
    path = tmp_path / "leadstream.db"
    with pytest.raises(BadRequest, match="LEADSTREAM_DATABASE_URL"):
        found(path)
    assert not path.exists()
    with writing(path):
        pass
    with reading(path) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute(ADD, ["one"])


def test_a_file_that_somebody_holds_is_a_problem_and_a_mistake_is_a_mistake(tmp_path, monkeypatch):
    path = tmp_path / "leadstream.db"
    with writing(path):
        pass
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("store.database.BUSY_S", 0.01)
        with pytest.raises(Storage, match="locked"), writing(path):
            pass
    with pytest.raises(sqlite3.OperationalError, match="no such table"), writing(path) as found:
        found.execute("DELETE FROM nowhere")


def test_a_server_streams_on_while_commands_write_and_read_its_file(tmp_path):
    with serve(tmp_path) as server:
        stream_id = server.start(script(words(100), pace_ms=5), detach=True)["stream_id"]
        with server.follow(stream_id) as reader:
            for number in range(20):
                reader.until(b'"token"', times=number)
                with writing(server.database) as connection:
                    connection.execute(ADD, [f"by a command {number}"])
            assert text(reader.rest()) == words(100)
        assert len(found(server.database)) == 21
