"""What a source is: somebody who may know more of a lead, behind one contract.

A source says what it would ask and what that costs (`estimate`), and asks (`lookup`). It knows
nothing of caches, caps, conflicts or other sources.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from agents.grounding.addresses import company_domain, domain_of, is_free_mail, is_role
from settings import Settings

PERSON = ("first_name", "last_name", "email", "title", "phone", "linkedin_url")
COMPANY = (
    *("company_name", "domain", "website", "industry", "employee_count"),
    *("annual_revenue_usd", "country", "city", "founded_year"),
)
FIELDS = (*PERSON, *COMPANY)
"""What enrichment is about."""

Ask = Callable[..., Awaitable[Any]]
"""`ask(method, url, as_object=False, **content)`: `(status, said)`, under a breaker, retries and a
deadline. Raises a Fault."""


class Keys(NamedTuple):
    """What somebody is looked up by. A free-mail or a role's address is no key, nor its domain."""

    email: str | None = None
    name: str | None = None
    linkedin_url: str | None = None
    company_name: str | None = None
    domain: str | None = None

    @property
    def person(self) -> str | None:
        """One person, as a string that is the same for the same person; None for nobody."""
        company = self.domain or self.company_name
        named = f"{self.name} at {company}" if self.name and company else None
        return self.email or self.linkedin_url or named


def keys_of(lead: Mapping[str, Any]) -> Keys:
    """The keys in a lead's fields; `name` stands for first and last name."""
    email, name = lead.get("email"), lead.get("name")
    if name is None and lead.get("first_name") and lead.get("last_name"):
        name = f"{lead['first_name']} {lead['last_name']}"
    usable = bool(email) and not is_role(email) and not is_free_mail(domain_of(email))
    return Keys(
        email=str(email).strip().casefold() if usable else None,
        name=name,
        linkedin_url=lead.get("linkedin_url"),
        company_name=lead.get("company_name"),
        domain=company_domain(email, lead.get("domain"), lead.get("website")),
    )


class Question(NamedTuple):
    """One lookup: of whom, by what, what it may answer, and what it costs at most."""

    about: Literal["person", "company", "lead"]
    key: str
    keys: Keys
    gives: frozenset[str]
    credits: int = 0


class Found(NamedTuple):
    """What a source has answered. No fields: a miss. A `callback_id`: the answer comes later."""

    fields: Mapping[str, Any]
    http_status: int | None = None
    credits: int = 0
    callback_id: str | None = None


class Source(ABC):
    """One source. `setting` is the variable to set, for messages; `ask` is set before use."""

    name: ClassVar[str]
    setting: ClassVar[str]
    rank: ClassVar[int]
    """Who is asked first; of two values that differ the earlier one stands."""
    confidence: ClassVar[float]
    """How far one answer of it alone can be relied on."""
    caches: ClassVar[bool] = True

    ask: Ask

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def configured(self) -> bool:
        """Whether it can be asked."""

    @abstractmethod
    def estimate(self, keys: Keys) -> list[Question]:
        """What it would ask by these keys. Costs nothing."""

    @abstractmethod
    async def lookup(self, question: Question) -> Found:
        """Ask. Raises a Fault."""

    def vouches_for(self, callback_id: str) -> bool:
        """Whether a late answer under this id is one that we have asked for and still take."""
        return False


def folded(text: str | None) -> str:
    """What of a text tells one value from another."""
    return re.sub(r"[\W_]+", " ", (text or "").casefold()).strip()
