"""Contact policy: whether this person may be written to, and why. Code, not a model's opinion.

It is careful where it does not know: an unknown country is for a person to review. Leadstream
drafts and never sends, so a verdict binds whoever presses the button.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agents.grounding.addresses import is_free_mail
from agents.grounding.data import data, pattern
from agents.grounding.facts import Ledger
from agents.grounding.lead import Consent, Lead
from agents.grounding.rights import Right
from agents.grounding.seller import SellerProfile

Answer = Literal["allowed", "allowed_with_footer", "reply_only", "review", "blocked"]


@dataclass(frozen=True)
class Verdict:
    """`email`, and `why`; `needs` is what every message must have; `basis` the ground in law."""

    email: Answer
    why: str
    basis: str
    needs: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        return self.email == "blocked"

    def channels(self) -> dict[str, Answer]:
        """Each channel with its verdict: a call without an e-mail's permission is for review."""
        calls: Answer = "blocked" if self.basis == "objection" else "review"
        return {"email": self.email, "phone": calls, "linkedin": calls}

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "needs": list(self.needs), "channels": self.channels()}


FOOTER = ("true_header", "postal_address", "working_opt_out")
INTEREST = ("relevance", "source_named", "objection_final", *FOOTER)


def verdict(
    lead: Lead,
    ledger: Ledger,
    rights: Iterable[Right] = (),
    *,
    suppressed: bool = False,
) -> Verdict:
    """The verdict on writing to a lead. `suppressed`: its address is on the list of those who are
    never written to."""
    if (blocked := _objected(lead, rights, suppressed)) is not None:
        return blocked
    country = ledger.value("country")
    basis = _basis(lead.consent)
    if basis == "request":
        return _reply(lead, ledger, country)
    if basis == "consent":
        limit = "" if country else "; country unknown, so nothing beyond what was asked for"
        return Verdict("allowed", f"recorded opt-in{limit}", "consent", FOOTER)
    return _unasked(ledger, country)


def footer(profile: SellerProfile, language: str) -> str | None:
    """What stands under every message; None where the seller has no address or opt-out link."""
    texts = data("contact_policy")["footer"]
    wanted = pattern("contact_policy", "unsubscribe")
    links = [url for url in profile.allowed_urls if wanted.search(url)]
    if not links or not profile.postal_address:
        return None
    address = profile.postal_address.removeprefix(f"{profile.company}, ")
    text: str = texts.get(language, texts["en"])
    return text.format(company=profile.company, address=address, unsubscribe=links[0])


def _objected(lead: Lead, rights: Iterable[Right], suppressed: bool) -> Verdict | None:
    codes = {right.code for right in rights}
    if "opt_out" in codes:
        more = " and a request for erasure" if "erasure_request" in codes else ""
        return Verdict("blocked", f"objection to direct marketing{more}", "objection")
    if lead.opted_out or suppressed:
        return Verdict("blocked", "opted out earlier; an objection is final", "objection")
    if "erasure_request" in codes:
        return Verdict("blocked", "asked for erasure of personal data", "objection")
    return None


def _basis(consent: Consent | None) -> str | None:
    if consent is None or consent.basis is None:
        return None
    known: dict[str, str] = data("contact_policy")["consent_bases"]
    return known.get(consent.basis.strip().casefold().replace("-", "_").replace(" ", "_"))


def _reply(lead: Lead, ledger: Ledger, country: str | None) -> Verdict:
    """An answer to the person's own request is allowed everywhere; how much more depends."""
    answers = "an answer to the person's own request"
    if any(text.scan.refused for text in ledger.said_by_lead):
        return Verdict("reply_only", f"{answers}; it speaks to models, so no more", "request")
    policy = data("contact_policy")
    if lead.source in policy["asks_to_buy"]:
        return Verdict("allowed", f"{answers}; opt-out in any further mail", "request", FOOTER)
    private = is_free_mail(_domain(ledger)) or not (
        ledger.of("company_name") or ledger.of("domain")
    )
    if country in policy["opt_out_regime"]:
        return Verdict("allowed", f"{answers} ({country})", "request", FOOTER)
    if country in policy["legitimate_interest"] and not private:
        return Verdict("allowed", f"{answers} ({country}, company)", "request", INTEREST)
    return Verdict("reply_only", f"{answers}; no marketing", "request")


def _unasked(ledger: Ledger, country: str | None) -> Verdict:
    policy = data("contact_policy")
    if country is None:
        return Verdict("review", "no consent, and the country is unknown", "none")
    if country in policy["opt_out_regime"]:
        why = f"{country}: allowed with true header, postal address and working opt-out"
        return Verdict("allowed_with_footer", why, "opt_out_regime", FOOTER)
    if country in policy["consent_required"]:
        why = (
            f"{country}: e-mail only with prior consent or as an answer to the person's own request"
        )
        return Verdict("blocked", why, "none")
    if country in policy["legitimate_interest"] and not is_free_mail(_domain(ledger)):
        why = (
            f"{country}: legitimate interest, if relevant and the source is named; objection final"
        )
        return Verdict("allowed_with_footer", why, "legitimate_interest", INTEREST)
    return Verdict("review", f"no consent, and no rule for this address in {country}", "none")


def _domain(ledger: Ledger) -> str | None:
    email: str | None = ledger.value("email")
    return email and email.rsplit("@", 1)[-1].casefold()
