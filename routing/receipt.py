"""The Receipt: what one execution has cost so far, attempt by attempt.

There is one for each execution. The router writes every attempt into it as it happens, recovery
reloads it after a crash, and nothing else computes cost. Tokens are the vendor's own count or
marked as estimated; money is a Decimal and never rounded; an unknown price is None, never 0.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any, Literal

import msgspec

from errors import Fault
from providers.base import Usage
from routing.ask import estimate_tokens

Outcome = Literal["ok", "failed", "cancelled", "interrupted"]
UsageSource = Literal["reported", "estimated", "mixed"]
Price = Callable[[str, str, Usage, datetime], Decimal | None]
"""`price(provider, model, usage, at)` in USD; None where no price is known."""

SHORT_TOKENS = 10
"""An answer shorter than this says nothing of a model's speed."""

_UNBILLED = {
    "provider_unavailable",
    "upstream_tls",
    "upstream_rejected",
    "prompt_too_large",
    "model_not_found",
    "provider_auth",
    "provider_billing",
    "upstream_throttled",
    "upstream_error",
    "upstream_protocol",
}
"""Faults that, before anything of an answer came, mean that the vendor did no work."""


class Attempt(msgspec.Struct):
    """One call to one candidate. `outcome` is None while it runs."""

    provider: str
    model: str
    outcome: Outcome | None = None
    error: str | None = None
    ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    usage_source: UsageSource = "estimated"
    finish_reason: str | None = None


class Past(msgspec.Struct, kw_only=True):
    """What an execution had cost before this process took it over; its clock goes on."""

    attempts: list[Attempt] = []
    elapsed_s: float = 0.0
    ttft_ms: int | None = None


class Receipt:
    """What one execution has cost so far, and since when it runs."""

    def __init__(
        self,
        task_type: str,
        price: Price,
        *,
        past: Past | None = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        past = past or Past()
        self.task_type = task_type
        self.attempts = list(past.attempts)
        self.ttft_ms = past.ttft_ms
        self._price = price
        self.clock = clock
        self._now = now
        self._started = clock() - past.elapsed_s
        self._latency_ms: int | None = None

    def begin(self, provider: str, model: str, input_tokens: int) -> "Meter":
        """A request is about to go out; `input_tokens` is the estimate of its prompt."""
        attempt = Attempt(provider, model, input_tokens=input_tokens)
        self.attempts.append(attempt)
        return Meter(self, attempt, self.clock())

    def interrupt(self, text: str) -> None:
        """The process died during the last attempt, which had shown `text`: its cost is a guess."""
        if self.attempts and self.attempts[-1].outcome is None:
            attempt = self.attempts[-1]
            attempt.outcome = "interrupted"
            attempt.output_tokens = max(attempt.output_tokens, estimate_tokens(text))
            self.settle(attempt)

    def first_token(self) -> None:
        """The reader sees a first word now."""
        if self.ttft_ms is None:
            self.ttft_ms = round((self.clock() - self._started) * 1000)

    def settle(self, attempt: Attempt) -> None:
        """Price `attempt` by the tokens it has now."""
        usage = Usage(
            input_tokens=attempt.input_tokens,
            output_tokens=attempt.output_tokens,
            cached_input_tokens=attempt.cached_input_tokens,
            reasoning_tokens=attempt.reasoning_tokens,
        )
        attempt.cost_usd = self._price(attempt.provider, attempt.model, usage, self._now())

    def close(self) -> None:
        """The execution has ended: its latency stands."""
        self._latency_ms = round((self.clock() - self._started) * 1000)

    @property
    def total_cost_usd(self) -> Decimal | None:
        """The sum over all attempts; None as soon as one of them has no known price."""
        total = Decimal(0)
        for attempt in self.attempts:
            if attempt.cost_usd is None:
                return None
            total += attempt.cost_usd
        return total

    def metadata(self) -> dict[str, Any]:
        """The receipt at this instant, as every terminal event carries it."""
        last = self.attempts[-1] if self.attempts else None
        latency_ms = self._latency_ms
        if latency_ms is None:
            latency_ms = round((self.clock() - self._started) * 1000)
        return {
            "provider": last and last.provider,
            "model": last and last.model,
            "task_type": self.task_type,
            "input_tokens": sum(a.input_tokens for a in self.attempts),
            "output_tokens": sum(a.output_tokens for a in self.attempts),
            "total_cost_usd": self.total_cost_usd,
            "latency_ms": latency_ms,
            "ttft_ms": self.ttft_ms,
            "tokens_per_second": self._speed(latency_ms),
            "cached_input_tokens": sum(a.cached_input_tokens for a in self.attempts),
            "reasoning_tokens": sum(a.reasoning_tokens for a in self.attempts),
            "finish_reason": last and last.finish_reason,
            "usage_source": self._usage_source(),
            "attempts": [msgspec.structs.asdict(a) for a in self.attempts],
        }

    def _speed(self, latency_ms: int) -> float | None:
        """Output tokens of the last attempt a second, from the first word on."""
        if self.ttft_ms is None or latency_ms <= self.ttft_ms:
            return None
        return round(self.attempts[-1].output_tokens * 1000 / (latency_ms - self.ttft_ms), 1)

    def _usage_source(self) -> UsageSource:
        sources = {a.usage_source for a in self.attempts}
        return sources.pop() if len(sources) == 1 else "mixed" if sources else "reported"


class Meter:
    """Counts one running attempt. Chunks come by thousands: a token adds to a number."""

    def __init__(self, receipt: Receipt, attempt: Attempt, started: float) -> None:
        self.attempt = attempt
        self._receipt = receipt
        self.ttft_ms: float | None = None
        """From the request to the first word of this attempt."""
        self._started = started
        self._characters = 0
        self._usage: Usage | None = None

    def text(self, content: str) -> None:
        """Words came. The first ones stop the clock of the time to first token."""
        if not self._characters:
            self._receipt.first_token()
            self.ttft_ms = self._ms()
        self._characters += len(content)

    def thinking(self, content: str) -> None:
        """Reasoning came: billed as output, and no first token."""
        self.attempt.reasoning_tokens += estimate_tokens(content)

    def usage(self, usage: Usage) -> None:
        """The vendor's count so far: the last one wins, and it never goes down."""
        before = self._usage or Usage()
        self._usage = Usage(
            max(usage.input_tokens, before.input_tokens),
            max(usage.output_tokens, before.output_tokens),
            max(usage.cached_input_tokens, before.cached_input_tokens),
            max(usage.cache_write_tokens, before.cache_write_tokens),
            max(usage.reasoning_tokens, before.reasoning_tokens),
        )

    @property
    def speed(self) -> float | None:
        """Tokens a second after the first word, once it has ended; None where it says nothing."""
        span_ms = self.attempt.ms - (self.ttft_ms or 0)
        if self.attempt.output_tokens < SHORT_TOKENS or span_ms <= 0:
            return None
        return self.attempt.output_tokens * 1000 / span_ms

    def _ms(self) -> float:
        return (self._receipt.clock() - self._started) * 1000

    def end(self, outcome: Outcome, fault: Fault | None = None) -> None:
        """Exactly once: what the attempt came to, and what it cost."""
        attempt, usage = self.attempt, self._usage
        attempt.outcome = outcome
        attempt.error = fault.code if fault else None
        attempt.ms = round(self._ms())
        estimated_output = estimate_tokens(self._characters) + attempt.reasoning_tokens
        if usage is not None:
            attempt.input_tokens = usage.input_tokens
            attempt.cached_input_tokens = usage.cached_input_tokens
            attempt.reasoning_tokens = usage.reasoning_tokens or attempt.reasoning_tokens
            attempt.output_tokens = usage.output_tokens
        if outcome == "ok" and usage is not None:
            attempt.usage_source = "reported"
        elif usage is None and not self._characters and fault and fault.code in _UNBILLED:
            attempt.input_tokens, attempt.usage_source = 0, "reported"
        else:
            # Cut short: the vendor's last count is from before the end, if it sent one at all.
            attempt.output_tokens = max(attempt.output_tokens, estimated_output)
            attempt.usage_source = "mixed" if usage is not None else "estimated"
        self._receipt.settle(attempt)
