"""The tables `qualification_results` and `agent_results`: what was found, by each execution."""

from datetime import datetime
from typing import Any

from store.database import Database, Write
from store.jsons import dump, load


def qualification(execution_id: str, result: dict[str, Any], at: datetime) -> Write:
    """The result of an execution, for the lead that its row names."""
    return Write(
        "INSERT INTO qualification_results (execution_id, lead_id, score, score_max, coverage,"
        " tier, components, reasoning, result, created_at)"
        " SELECT execution_id, lead_id, :score, :score_max, :coverage, :tier, :components,"
        " :summary, :result, :at FROM agent_executions WHERE execution_id = :execution_id",
        {
            **{name: result[name] for name in ("score", "score_max", "coverage", "tier")},
            "execution_id": execution_id,
            "components": dump(result["components"]),
            "summary": result["summary"],
            "result": dump(result),
            "at": at.isoformat(),
        },
    )


def found(execution_id: str, result: dict[str, Any], at: datetime) -> Write:
    """The result of an agent that has no table of its own, for the lead that its row names."""
    return Write(
        "INSERT INTO agent_results (execution_id, agent_type, lead_id, result, created_at)"
        " SELECT execution_id, agent_type, lead_id, :result, :at FROM agent_executions"
        " WHERE execution_id = :execution_id",
        {"execution_id": execution_id, "result": dump(result), "at": at.isoformat()},
    )


async def newest_qualification(
    database: Database, owner: str, lead_id: str
) -> dict[str, Any] | None:
    """The result of the last qualification of a lead, None where there was none."""
    row = await database.row(
        "SELECT q.result FROM qualification_results q"
        " JOIN agent_executions e ON e.execution_id = q.execution_id AND e.owner = :owner"
        " WHERE q.lead_id = :lead_id ORDER BY q.created_at DESC, q.execution_id LIMIT 1",
        owner=owner,
        lead_id=lead_id,
    )
    return row and load(row["result"])
