"""The Assessment: what code alone knows of a lead, before a model is asked and whatever it says."""

from collections.abc import Iterator
from functools import cached_property

from agents.grounding.addresses import company_domain, domain_of, is_free_mail, is_role
from agents.grounding.briefing import Briefing
from agents.grounding.evidence import Rules
from agents.grounding.injection import scan
from agents.grounding.scoring import PROFILE_COMPONENTS, Components, from_fields

_OF_TEXTS = {
    "untrusted_instruction_detected": "a passage that speaks to a model does not count",
    "active_content_removed": "mark-up in what was written was taken out",
}

Warned = tuple[str, str]
"""A warning's code and its detail."""


class Assessment:
    """The fields by the seller's table, and what a rep should be warned of."""

    def __init__(self, briefing: Briefing) -> None:
        self.briefing = briefing
        self.scoring = briefing.seller.profile.scoring
        self.rules = Rules(briefing.backing, self.scoring, briefing.today)

    @cached_property
    def components(self) -> Components:
        return from_fields(self.briefing.ledger, self.briefing.seller.profile)

    @cached_property
    def attacked(self) -> bool:
        """Whether something in the lead speaks to a model."""
        return any(code == "untrusted_instruction_detected" for code, _ in self.warnings)

    @cached_property
    def warnings(self) -> tuple[Warned, ...]:
        return (
            *self._of_texts(),
            *self._of_addresses(),
            *self._of_rights(),
            *self._of_profile(),
            *self._of_conflicts(),
        )

    def _of_texts(self) -> Iterator[Warned]:
        lead, ledger = self.briefing.lead, self.briefing.ledger
        fields = lead.model_dump(exclude={"notes", "messages"}).values()
        scans = [scan(value) for value in fields if isinstance(value, str)]
        found = {code for one in (*scans, *(t.scan for t in ledger.texts)) for code in one.codes}
        yield from ((code, detail) for code, detail in _OF_TEXTS.items() if code in found)

    def _of_addresses(self) -> Iterator[Warned]:
        lead, ledger = self.briefing.lead, self.briefing.ledger
        company = company_domain(lead.email, lead.domain, lead.website)
        if company is None and ledger.of("company_name") is None:
            yield "no_company", "no company is named, and no domain is a company's"
        if is_free_mail(domain_of(lead.email)):
            yield "free_mail_domain", "the address says nothing of a company"
        if is_role(lead.email) and not (ledger.of("first_name") or ledger.of("last_name")):
            yield "role_address", "the address is that of a role; no person is named"

    def _of_rights(self) -> Iterator[Warned]:
        for right in self.briefing.rights:
            if right.code != "opt_out":
                yield right.code, f"the lead asks for it in {right.where}"

    def _of_profile(self) -> Iterator[Warned]:
        for name in PROFILE_COMPONENTS:
            if self.components[name].state == "known_negative":
                yield f"outside_icp:{name}", f"{name} is outside of whom the seller sells to"

    def _of_conflicts(self) -> Iterator[Warned]:
        """A field with two values: the user's own stands."""
        for fact in self.briefing.ledger.facts:
            first = self.briefing.ledger.of(fact.field)
            if first is not None and fact.value != first.value:
                detail = f"{first.value} ({first.source}) vs {fact.value} ({fact.source})"
                yield f"provider_conflict:{fact.field}", detail
