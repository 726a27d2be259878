"""The table `conversation_messages`: what was said, by whom, in which execution."""

from datetime import datetime
from typing import Any, Literal

from store.database import Database, Write


def said(
    conversation_id: str,
    execution_id: str,
    role: Literal["user", "assistant"],
    content: str,
    at: datetime,
) -> Write:
    return Write(
        "INSERT INTO conversation_messages"
        " (conversation_id, execution_id, role, content, created_at)"
        " VALUES (:conversation_id, :execution_id, :role, :content, :at)",
        {
            "conversation_id": conversation_id,
            "execution_id": execution_id,
            "role": role,
            "content": content,
            "at": at.isoformat(),
        },
    )


async def messages(
    database: Database, owner: str, conversation_id: str, *, newest: int = 1000
) -> list[dict[str, Any]]:
    """`{role, content, execution_id, created_at}`, oldest first, the `newest` of them.

    A conversation is its owner's: what others said under the same id is another one.
    """
    rows = await database.rows(
        "SELECT m.role, m.content, m.execution_id, m.created_at FROM conversation_messages m"
        " JOIN agent_executions e ON e.execution_id = m.execution_id AND e.owner = :owner"
        " WHERE m.conversation_id = :id"
        " ORDER BY m.created_at DESC, m.role ASC LIMIT :newest",
        owner=owner,
        id=conversation_id,
        newest=newest,
    )
    return rows[::-1]
