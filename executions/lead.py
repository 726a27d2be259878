"""The lead of a start: known by its id, or sent along and thereby created or updated."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from agents.grounding.lead import Lead
from errors import BadRequest, NotFound
from executions.start import Start, checked
from store import ids, leads, suppression
from store.database import Database, Write


class StartLead(NamedTuple):
    """`fields` as the agent will see them; `writes` are the rows that an inline lead makes."""

    lead_id: str | None
    fields: dict[str, Any] | None
    writes: tuple[Write, ...] = ()


async def lead_of(database: Database, start: Start, *, needed: bool) -> StartLead:
    """Raises BadRequest where one is `needed` and none named, NotFound for an unknown one, Conflict
    `opted_out` for somebody who was erased."""
    if start.lead is not None:
        return await _sent(database, start, start.lead)
    if start.lead_id is not None:
        return await _known(database, start.owner, start.lead_id)
    if needed:
        raise BadRequest(
            "Which lead? Send `lead_id`, or the lead itself as `lead`.", code="no_lead"
        )
    return StartLead(None, None)


async def _known(database: Database, owner: str, lead_id: str) -> StartLead:
    fields = await leads.find(database, owner, lead_id)
    if fields is None:
        raise NotFound(
            f"There is no lead {lead_id!r}: send it as `lead` to create it.", code="unknown_lead"
        )
    return StartLead(lead_id, fields)


async def _sent(database: Database, start: Start, sent: dict[str, Any]) -> StartLead:
    """The path's id wins; without one, an existing lead with that e-mail, else a new one."""
    lead = checked(Lead, sent, "/lead")
    await suppression.refuse(database, start.owner, lead.email)
    lead_id = start.lead_id or lead.id
    if lead_id is None and lead.email is not None:
        lead_id = await leads.with_email(database, start.owner, lead.email)
    lead_id = lead_id or ids.new("ld")
    said = lead.model_dump(mode="json", exclude_unset=True, exclude={"id"})
    fields = (await leads.find(database, start.owner, lead_id) or {}) | said
    saved = leads.saved(start.owner, lead_id, fields, datetime.now(UTC))
    return StartLead(lead_id, fields, (saved,))
