"""All that is stored about a person, in whatever table: to be handed over, or to be erased.

Tables are found by their columns, so that one which is new is covered by having them: what belongs
to an execution or a stream of a lead is the person's, and so is the rest of a conversation that one
of them took part in. Who has the same address under another id is the same person.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from store import suppression
from store.database import Database
from store.jsons import dump, load

Schema = Mapping[str, frozenset[str]]
"""The columns of every table."""

_COLUMNS = (
    "SELECT t.name AS place, c.name AS of FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
    " WHERE t.type = 'table'"
)
_KEYS = {
    "execution_id": "executions",
    "stream_id": "streams",
    "lead_id": "leads",
}
"""By which column a table's rows are found: the first of these that it has."""

_EXECUTIONS = (
    "WITH own AS (SELECT execution_id FROM agent_executions"
    "   WHERE owner = :owner AND lead_id IN (SELECT value FROM json_each(:leads)))"
    " SELECT execution_id, stream_id, options FROM agent_executions WHERE owner = :owner"
    " AND (execution_id IN own OR execution_id IN"
    "   (SELECT execution_id FROM conversation_messages WHERE conversation_id IN"
    "     (SELECT conversation_id FROM conversation_messages WHERE execution_id IN own)))"
)
_WORKFLOWS = (
    "SELECT workflow_id AS stream_id FROM workflow_state"
    " WHERE owner = :owner AND lead_id IN (SELECT value FROM json_each(:leads))"
)


class Person(NamedTuple):
    """The ids of everything that `owner` has about somebody, and the addresses."""

    owner: str
    leads: Sequence[str]
    emails: Sequence[str]
    executions: Sequence[str]
    streams: Sequence[str]


async def find(database: Database, owner: str, lead_id: str) -> Person | None:
    """Whose lead that is, or was; None where nothing is stored about it."""
    found = await database.rows(
        "SELECT lead_id, email FROM leads WHERE owner = :owner AND (lead_id = :id"
        " OR email = (SELECT email FROM leads WHERE owner = :owner AND lead_id = :id))",
        owner=owner,
        id=lead_id,
    )
    ids = sorted({lead_id, *(row["lead_id"] for row in found)})
    done = await database.rows(_EXECUTIONS, owner=owner, leads=dump(ids))
    flows = await database.rows(_WORKFLOWS, owner=owner, leads=dump(ids))
    if not (found or done or flows):
        return None
    said = ((load(row["options"]).get("lead") or {}).get("email") for row in done)
    emails = {row["email"] for row in found} | {suppression.normalised(email) for email in said}
    return Person(
        owner=owner,
        leads=ids,
        emails=sorted(email for email in emails if email),
        executions=[row["execution_id"] for row in done],
        streams=sorted({row["stream_id"] for row in (*done, *flows)}),
    )


async def everything(database: Database, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Every row about the person, by table, as it is stored."""
    columns = await database.rows(_COLUMNS)
    schema = _schema((row["place"], row["of"]) for row in columns)
    return {
        table: [_readable(row) for row in await database.rows(f"SELECT * {rows}", **values)]
        for table, rows, values in _rows(schema, person)
    }


def erased(person: Person, at: datetime) -> Callable[[sqlite3.Connection], None]:
    """A transaction: nothing of the person is left but the hash of the address.

    An execution stays as what it cost, without a word of what it was about.
    """

    def work(connection: sqlite3.Connection) -> None:
        suppression.add(connection, person.owner, person.emails, at)
        schema = _schema(connection.execute(_COLUMNS))
        for table, rows, values in _rows(schema, person):
            if table == "agent_executions":
                connection.execute(
                    "UPDATE agent_executions SET lead_id = NULL, input = '{}',"
                    " options = '{\"start\":{}}', text = NULL, result = NULL, error = NULL,"
                    " route = NULL" + rows.removeprefix("FROM agent_executions"),
                    values,
                )
            elif table != "streams":
                connection.execute(f"DELETE {rows}", values)

    return work


def _schema(columns: Any) -> Schema:
    found: dict[str, frozenset[str]] = {}
    for table, column in columns:
        found[table] = found.get(table, frozenset()) | {column}
    return found


def _rows(schema: Schema, person: Person) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """`(table, "FROM … WHERE …", values)` for each table that has rows about somebody."""
    for table, columns in schema.items():
        for column, name in _KEYS.items():
            if column in columns:
                condition = f"{column} IN (SELECT value FROM json_each(:ids))"
                values = {"ids": dump(getattr(person, name))}
                if "owner" in columns:
                    condition += " AND owner = :owner"
                    values["owner"] = person.owner
                yield table, f"FROM {table} WHERE {condition}", values
                break


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in row.items()
    }
