"""A Lead: who is sold to. Every field may be missing; null and absent both mean unknown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=500)]
LongText = Annotated[str, Field(max_length=20_000)]
LeadId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Consent(BaseModel):
    """Why this person may be written to."""

    model_config = ConfigDict(extra="forbid")

    basis: Text | None = None
    obtained_at: datetime | None = None
    text: LongText | None = None


class LeadMessage(BaseModel):
    """Something that was said before Leadstream came into it."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["lead", "agent"]
    at: datetime | None = None
    text: LongText


class Lead(BaseModel):
    """`country` is ISO 3166-1 alpha-2, `language` BCP 47, money in USD, times in UTC."""

    model_config = ConfigDict(extra="forbid")

    id: LeadId | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    title: Text | None = None
    phone: Text | None = None
    company_name: Text | None = None
    domain: Text | None = None
    website: Text | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    city: Text | None = None
    industry: Text | None = None
    employee_count: Annotated[int, Field(ge=0)] | None = None
    annual_revenue_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")] | None = None
    source: Text | None = None
    source_detail: Text | None = None
    consent: Consent | None = None
    opted_out: bool | None = None
    notes: LongText | None = None
    messages: Annotated[list[LeadMessage], Field(max_length=200)] | None = None
    created_at: datetime | None = None

    def said(self) -> dict[str, Any]:
        """What was said of it, nulls included, as JSON values; its `id` too, null for none."""
        return {"id": self.id} | self.model_dump(mode="json", exclude_unset=True)
