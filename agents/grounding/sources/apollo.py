"""Apollo: people by e-mail, profile or name, companies by domain.

A miss is a 200 there: `{}`, or a person without a name. So an answer counts only where it is about
whom we asked for. `contact` and `account` in it are copies out of the user's own CRM, and addresses
that Apollo has not verified are guesses: neither is read.
"""

from typing import Any, ClassVar

from agents.grounding.addresses import domain_of
from agents.grounding.sources.base import COMPANY, PERSON, Found, Keys, Question, Source, folded
from agents.grounding.sources.values import read

BASE_URL = "https://api.apollo.io/api/v1"

_THEIRS = {
    "company_name": "name",
    "domain": "primary_domain",
    "website": "website_url",
    "employee_count": "estimated_num_employees",
    "annual_revenue_usd": "annual_revenue",
}
"""What they call a field, where it is not what we do."""


class Apollo(Source):
    name: ClassVar[str] = "apollo"
    setting: ClassVar[str] = "APOLLO_API_KEY"
    rank: ClassVar[int] = 2
    confidence: ClassVar[float] = 0.8

    def configured(self) -> bool:
        return bool(self.settings.apollo_api_key.get_secret_value())

    def estimate(self, keys: Keys) -> list[Question]:
        gives = {"company": frozenset(COMPANY), "person": frozenset(PERSON) - {"phone"}}
        asked = (("company", keys.domain), ("person", keys.person))
        return [Question(a, f"{a} {key}", keys, gives[a], 1) for a, key in asked if key]  # type: ignore[arg-type]

    async def lookup(self, question: Question) -> Found:
        keys = question.keys
        if question.about == "company":
            reply = await self._ask("GET", "organizations/enrich", params={"domain": keys.domain})
            fields = _company(reply.said.get("organization"), keys)
        else:
            reply = await self._ask("POST", "people/match", json=_wanted(keys))
            fields = _person(reply.said.get("person"), keys)
        return Found(fields, reply.status, question.credits if fields else 0)

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        url = self.settings.apollo_base_url.rstrip("/") or BASE_URL
        headers = {"x-api-key": self.settings.apollo_api_key.get_secret_value()}
        return await self.ask(method, f"{url}/{path}", as_object=True, headers=headers, **content)


def _wanted(keys: Keys) -> dict[str, str | None]:
    """One key, the surest."""
    if keys.email:
        return {"email": keys.email}
    if keys.linkedin_url:
        return {"linkedin_url": keys.linkedin_url}
    company = {"domain": keys.domain} if keys.domain else {"organization_name": keys.company_name}
    return {"name": keys.name, **company}


def _company(said: Any, keys: Keys) -> dict[str, Any]:
    """The fields of an organization, where it is the one with the domain that was asked for."""
    if not isinstance(said, dict) or not said.get("name"):
        return {}
    if keys.domain not in (_domain(said, "primary_domain"), _domain(said, "website_url")):
        return {}
    return read({name: said.get(_THEIRS.get(name, name)) for name in COMPANY})


def _person(said: Any, keys: Keys) -> dict[str, Any]:
    if not isinstance(said, dict) or not _is_meant(said, keys):
        return {}
    fields = {name: said.get(name) for name in ("first_name", "last_name", "title", "linkedin_url")}
    verified = said.get("email_status") == "verified"
    return read({**fields, "email": said.get("email") if verified else None})


def _is_meant(said: dict[str, Any], keys: Keys) -> bool:
    """Whether it is a person at all, and the one that was asked for."""
    if not (said.get("name") or said.get("id")) or said.get("match_confidence") == "none":
        return False
    if any(_equal(said, name, getattr(keys, name)) for name in ("email", "linkedin_url")):
        return True
    company = said.get("organization")
    if not isinstance(company, dict) or not _equal(said, "name", keys.name):
        return False
    return bool(_company(company, keys)) or _equal(company, "name", keys.company_name)


def _equal(said: dict[str, Any], name: str, wanted: str | None) -> bool:
    return bool(wanted) and folded(str(said.get(name))) == folded(wanted)


def _domain(said: dict[str, Any], name: str) -> str | None:
    return domain_of(str(said.get(name) or ""))
