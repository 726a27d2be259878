"""A provider that is closed for a known reason: it asked for rest, or it refuses who we are.

A gate is no breaker. The provider is well and said what it wants, so nothing is counted or probed:
it is closed until the time it named, or, where it refused our key or our balance, until the
configuration changes. That much the program can see; a balance that was filled or a permission
that was granted at the vendor's it cannot, so it asks again once in LONGEST_S.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from errors import Fault
from resilience import Verdict

LONGEST_S = 3600.0
"""No gate is closed for longer: asking once an hour costs nobody anything."""

CLEAR = "clear"

NEVER = float("-inf")


class Gate:
    """One provider's gate. `fingerprint` names its configuration: a digest, never the key."""

    def __init__(
        self, name: str, fingerprint: str = "", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._fingerprint = fingerprint
        self._clock = clock
        self._until = NEVER
        self._code = CLEAR
        self._why = ""

    def note(self, fault: Fault) -> None:
        """Close where `fault` says so; never for a shorter time than it is closed already."""
        now = self._clock()
        until = now + _rest_s(fault)
        if until > max(self._until, now):
            self._until, self._code, self._why = until, fault.code, fault.detail

    def peek(self) -> Verdict:
        """Whether the provider may be asked; `state` is `clear` or the code of what closed it."""
        left = self._until - self._clock()
        if left <= 0:
            return Verdict(True, CLEAR)
        why = f"{self.name} is not asked for another {left:.0f} s: {self._why}"
        return Verdict(False, self._code, left, why)

    def to_state(self, wall: float) -> dict[str, Any]:
        """What is worth keeping over a restart, as JSON. `wall` is the Unix time now."""
        return {
            "fingerprint": self._fingerprint,
            "left_s": max(0.0, self._until - self._clock()),
            "code": self._code,
            "why": self._why,
            "at": wall,
        }

    def restore(self, state: Mapping[str, Any], wall: float) -> None:
        """Take up what `to_state` kept for this same configuration; forget any other."""
        if state.get("fingerprint") != self._fingerprint:
            return
        left = min(LONGEST_S, state["left_s"] - max(0.0, wall - state["at"]))
        self._until, self._code, self._why = self._clock() + left, state["code"], state["why"]


def _rest_s(fault: Fault) -> float:
    """How long `fault` closes a gate, in seconds; 0 where it is not the gate's matter.

    A throttle that names no time is the breaker's: it sees the successes in between, and so
    whether the vendor keeps saying it.
    """
    if fault.blame == "throttle":
        return min(LONGEST_S, fault.retry_after_s or 0.0)
    return LONGEST_S if fault.blame == "gate" else 0.0
