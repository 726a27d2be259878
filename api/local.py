"""Without a key: this machine only. A web page that somebody has open here is not this machine.

A page from elsewhere can send requests to localhost, and a name of its own can be made to point
here (DNS rebinding). The first is told by Origin and Sec-Fetch-Site, the second by Host. Pure.
"""

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers

from errors import Problem

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]+)?")

HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Forbidden(Problem):
    status = 403
    code = "foreign_origin"
    title = "This page may not do that"


class Misdirected(Problem):
    status = 421
    code = "foreign_host"
    title = "This server does not answer for that name"


def is_loopback(host: str) -> bool:
    """Whether a server that listens on `host` is reached from this machine only."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def refuse_foreign(headers: Headers, origins: Collection[str]) -> None:
    """Raise Forbidden for what a page of another origin sends, unless it is one of `origins`.

    Another port of this machine is another origin too: what runs there may be anybody's.
    """
    sent = headers.getlist("origin")
    host = headers.get("host", "").lower()
    if any(o not in origins and o.partition("://")[2].lower() != host for o in sent):
        raise Forbidden(
            f"A page of {sent[0][:100]!r} may not use this server: list it in "
            "LEADSTREAM_CORS_ORIGINS."
        )
    if not sent and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("A page of another site may not use this server.")


def refuse_misdirected(headers: Headers, hosts: Collection[str], *, addresses: bool) -> None:
    """Raise Misdirected unless the request is for a name that is ours.

    `addresses`: any IP address is, which nobody can make point elsewhere.
    """
    given = headers.getlist("host")
    for name in (_name_of(host) for host in given or [""]):
        if name not in HERE and name not in hosts and not (addresses and _is_address(name)):
            raise Misdirected(
                f"This server is not {name[:100]!r}: use localhost, or list the name in "
                "LEADSTREAM_ALLOWED_HOSTS."
            )


def _name_of(host: str) -> str:
    found = _HOST.fullmatch(host.lower())
    return (found[1] or found[2]) if found else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
