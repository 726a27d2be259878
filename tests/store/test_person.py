"""All about a person: found from the lead, by whatever leads to it."""

from datetime import UTC, datetime

import pytest

from store import person, streams, workflows
from store.database import Database

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_stream_of_a_workflow_is_found_before_it_has_any_execution(tmp_path):
    flow = {
        **{name: {} for name in ("shape", "asked", "steps")},
        **dict.fromkeys(("key", "fingerprint")),
        "workflow_id": "st_1",
        "owner": "",
        "workflow": "trial",
        "version": 1,
        "lead_id": "dana",
    }
    async with Database(tmp_path / "leadstream.db") as database:
        await database.write(streams.created("st_1", "", NOW), workflows.created(flow, NOW))
        found = await person.find(database, "", "dana")
        assert (found.executions, found.streams) == ([], ["st_1"])
        await database.transact(person.erased(found, NOW))
        assert await person.find(database, "", "dana") is None
        assert await database.rows("SELECT * FROM workflow_state") == []
