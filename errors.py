"""Everything that can go wrong, as one tree.

A Problem is what somebody is told: an HTTP status, a code for programs, a sentence for people and
whether trying again can help. Before the first byte it becomes `application/problem+json`; after
it, the `error` event of a stream. A Fault is a Problem that a provider caused; its `blame` is what
the breaker and the gate of that provider are told.

    Problem                        500 internal
    ├── BadRequest                 400 bad_request  (bad_json, bad_event_id, bad_lead_id, …)
    ├── NotFound                   404 not_found
    ├── Conflict                   409 conflict     (conversation_busy, …)
    ├── Invalid                    422 invalid_input, with a pointer for each fault
    ├── TooMany                    429 rate_limited (budget_exhausted)
    ├── Overloaded                 503 temporary-reduced-capacity
    ├── QuotaExceeded              429 quota-exceeded  (one client has all that it may have)
    ├── Gone                       410 gone         (the log is past its retention)
    ├── Storage                    503 storage
    │   └── DiskFull               507 storage
    ├── Interrupted                503 interrupted
    ├── NoCandidate                503 provider_unavailable
    └── Fault                      a provider's doing
        ├── Unreachable            503 provider_unavailable  failure
        ├── TlsFailure             502 upstream_tls          failure
        ├── Rejected               502 upstream_rejected     ignored   400, 422
        ├── PromptTooLarge         413 prompt_too_large      ignored
        ├── ModelNotFound          502 model_not_found       ignored
        ├── Unauthorized           502 provider_auth         gate      until reconfigured
        ├── OutOfCredit            502 provider_billing      gate      until reconfigured
        ├── Throttled              429 upstream_throttled    throttle  until Retry-After
        ├── UpstreamError          502 upstream_error        failure   5xx, an error event
        ├── ProtocolError          502 upstream_protocol     failure   not the vendor's format
        ├── TooLarge               502 upstream_too_large    failure
        ├── EmptyAnswer            502 upstream_empty        failure
        ├── Truncated              502 upstream_truncated    failure   ended without its end marker
        ├── Reset                  502 upstream_reset        failure
        ├── FirstTokenTimeout      504 upstream_timeout      failure
        ├── IdleTimeout            504 upstream_idle         failure
        ├── TotalTimeout           504 upstream_deadline     ignored   our limit, not their fault
        └── CircuitOpen            503 provider_unavailable  ignored   nothing was sent
"""

from decimal import Decimal
from typing import Any, ClassVar, Literal

Blame = Literal["failure", "ignored", "throttle", "gate"]


class Problem(Exception):
    """Something went wrong, in words for whoever asked.

    `detail` says what was expected, what came and what to do, and is fit for the end user: no key,
    no stack, no upstream body verbatim. `retry_after_s` is in seconds, None where no time is known.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Something went wrong inside Leadstream"
    retryable: bool = False

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        retryable: bool | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.extra = extra
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def described(self) -> dict[str, Any]:
        """The `error` object of an `error` event."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.detail,
            "retryable": self.retryable,
            "status": self.status,
        }
        if self.retry_after_s is not None:
            error["retry_after_ms"] = round(self.retry_after_s * 1000)
        return error


class BadRequest(Problem):
    status = 400
    code = "bad_request"
    title = "The request cannot be read"


class NotFound(Problem):
    status = 404
    code = "not_found"
    title = "There is no such thing"


class Gone(Problem):
    status = 410
    code = "gone"
    title = "It was removed"


class Conflict(Problem):
    status = 409
    code = "conflict"
    title = "This cannot be done now"


class Invalid(Problem):
    """`errors=[{"pointer", "detail"}]` names each field at fault (RFC 6901 pointers)."""

    status = 422
    code = "invalid_input"
    title = "The input does not fit"


class TooMany(Problem):
    """A key has used up what it may; `retry_after_s` is when there is more."""

    status = 429
    code = "rate_limited"
    title = "Too much at once"
    retryable = True


class Overloaded(Problem):
    status = 503
    code = "temporary-reduced-capacity"
    title = "No place is free"
    retryable = True


class QuotaExceeded(Problem):
    status = 429
    code = "quota-exceeded"
    title = "This client has all that it may have"
    retryable = True


class Storage(Problem):
    status = 503
    code = "storage"
    title = "The database does not take writes"
    retryable = True


class DiskFull(Storage):
    status = 507


class Interrupted(Problem):
    """The process died too often while this answer was being written."""

    status = 503
    code = "interrupted"
    title = "The answer was interrupted"
    retryable = True


class NoCandidate(Problem):
    """No configured provider may be asked."""

    status = 503
    code = "provider_unavailable"
    title = "No model can answer"
    retryable = True


class Fault(Problem):
    """A provider failed. `blame` is what its breaker is told: exactly one outcome an attempt."""

    status = 502
    code = "upstream_error"
    title = "The model's provider failed"
    blame: ClassVar[Blame] = "failure"
    retryable = True


class Unreachable(Fault):
    """Connection refused, no route, no such host, no connection within the time."""

    status = 503
    code = "provider_unavailable"


class TlsFailure(Fault):
    code = "upstream_tls"
    retryable = False


class Rejected(Fault):
    code = "upstream_rejected"
    blame = "ignored"
    retryable = False


class PromptTooLarge(Rejected):
    status = 413
    code = "prompt_too_large"


class ModelNotFound(Rejected):
    code = "model_not_found"


class Unauthorized(Fault):
    code = "provider_auth"
    blame = "gate"
    retryable = False


class OutOfCredit(Fault):
    code = "provider_billing"
    blame = "gate"
    retryable = False


class Throttled(Fault):
    """The vendor said 429; `retry_after_s` is what it asked for, None where it named no time."""

    status = 429
    code = "upstream_throttled"
    blame = "throttle"


class UpstreamError(Fault):
    """The vendor said that it failed: 5xx, 529, or an error event inside a 200."""


class ProtocolError(Fault):
    code = "upstream_protocol"


class TooLarge(ProtocolError):
    code = "upstream_too_large"
    retryable = False


class EmptyAnswer(Fault):
    code = "upstream_empty"


class Truncated(Fault):
    """The stream ended without the marker that the vendor's format ends with."""

    code = "upstream_truncated"


class Reset(Fault):
    code = "upstream_reset"


class FirstTokenTimeout(Fault):
    status = 504
    code = "upstream_timeout"


class IdleTimeout(Fault):
    status = 504
    code = "upstream_idle"


class TotalTimeout(Fault):
    status = 504
    code = "upstream_deadline"
    blame = "ignored"
    retryable = False


class CircuitOpen(Fault):
    """The breaker refused the call; nothing was sent."""

    status = 503
    code = "provider_unavailable"
    blame = "ignored"


UNKNOWN_OUTCOME = (Reset, Truncated, ProtocolError, FirstTokenTimeout, IdleTimeout, TotalTimeout)
"""Faults that leave open whether the vendor did what it was asked, and charges for it."""


class BudgetReached(Exception):
    """What may be spent on an answer is spent: no failure, the stream ends as `stopped`."""

    def __init__(self, budget_usd: Decimal | None) -> None:
        super().__init__(f"The budget of ${budget_usd} is reached.")
