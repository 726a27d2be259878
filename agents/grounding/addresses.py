"""Addresses: whose mailbox an e-mail address is. A free-mail domain is no company, and a role's
mailbox is no person."""

from functools import cache

from agents.grounding.data import data


def domain_of(address: str | None) -> str | None:
    """The domain of an e-mail address or a URL, without `www.`."""
    if not address:
        return None
    host = address.rsplit("@", 1)[-1].split("://")[-1].split("/")[0].split(":")[0]
    return host.strip().casefold().removeprefix("www.") or None


def is_free_mail(domain: str | None) -> bool:
    """Whether anybody can have an address there."""
    if domain is None:
        return False
    return domain in _words("free_mail") or domain.split(".")[0] in _words("free_mail_labels")


def is_role(email: str | None) -> bool:
    """Whether an address is that of a function, as `info@`."""
    return email is not None and email.split("@")[0].strip().casefold() in _words("role")


def company_domain(email: str | None, domain: str | None, website: str | None) -> str | None:
    """The company's own domain: as it is known, else that of the address, never a free-mail one."""
    for found in (domain_of(domain), domain_of(website), domain_of(email)):
        if found is not None and not is_free_mail(found):
            return found
    return None


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(data("addresses")[name].split())
