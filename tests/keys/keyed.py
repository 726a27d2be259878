"""Keys to come in with: made in the database of a server, before it runs or beside it."""

import sqlite3

from store import keys


def made(folder, *names):
    """New keys, by name."""
    return {name: keys.create(folder / "leadstream.db", name) for name in names}


def bearer(key):
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def started(server, key, lead_id="lead", **options):
    answer = server.try_to_start(headers=bearer(key), lead_id=lead_id, **options)
    assert answer.status_code == 201, answer.text
    return answer.json()


def owners_of(database, table):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return {owner for (owner,) in connection.execute(f"SELECT owner FROM {table}")}
