"""The Receipt: what one execution has cost so far, attempt by attempt.

There is one for each execution. The router writes every attempt into it as it happens, recovery
reloads it after a crash, and nothing else computes cost. Tokens are the vendor's own count or
marked as estimated; money is a Decimal and never rounded; an unknown price is None, never 0.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any, Literal, Protocol

import msgspec

from providers.base import Usage
from routing.ask import estimate_tokens

Outcome = Literal["ok", "failed", "cancelled", "interrupted"]
UsageSource = Literal["reported", "estimated", "mixed"]
Price = Callable[[str, str, Usage, datetime], Decimal | None]
"""`price(provider, model, usage, at)` in USD; None where no price is known."""


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
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    usage_source: UsageSource = "estimated"
    finish_reason: str | None = None


class Grant(Protocol):
    """What may be spent of something that is shared, and may become more: see executions.budget."""

    @property
    def usd(self) -> Decimal: ...

    def extend(self) -> bool: ...

    def settle(self, spent: Decimal) -> None: ...


class Past(msgspec.Struct, kw_only=True):
    """What an execution had cost before this process took it over; its clock goes on."""

    attempts: list[Attempt] = []
    interrupted_after: str = ""
    """The words that its last, interrupted attempt had shown."""
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
        budget_usd: Decimal | None = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        past = past or Past()
        self.task_type = task_type
        self.budget_usd = budget_usd
        """The most that may be spent: reaching it cuts the answer."""
        self.grant: Grant | None = None
        """The same, of a budget that it shares with others."""
        self.attempts = list(past.attempts)
        self.ttft_ms = past.ttft_ms
        self._price = price
        self.clock = clock
        self._now = now
        self._started = clock() - past.elapsed_s
        self._latency_ms: int | None = None
        self._whole: Receipt | None = None
        self._interrupt(past.interrupted_after)

    def join(self, whole: "Receipt") -> None:
        """It is one of several that make one bill: its attempts stand in both, and the first word
        of any is the first word of the whole."""
        self._whole = whole
        whole.attempts.extend(self.attempts)

    def begin(self, attempt: Attempt) -> None:
        """A request is about to go out; its `input_tokens` are the estimate of its prompt."""
        self.attempts.append(attempt)
        if self._whole is not None:
            self._whole.begin(attempt)

    def first_token(self) -> None:
        """The reader sees a first word now."""
        if self.ttft_ms is None:
            self.ttft_ms = round((self.clock() - self._started) * 1000)
            if self._whole is not None:
                self._whole.first_token()

    def settle(self, attempt: Attempt) -> None:
        """Price `attempt` by the tokens it has now; none cost nothing, whatever the price."""
        usage = Usage(
            input_tokens=attempt.input_tokens,
            output_tokens=attempt.output_tokens,
            cached_input_tokens=attempt.cached_input_tokens,
            cache_write_tokens=attempt.cache_write_tokens,
            reasoning_tokens=attempt.reasoning_tokens,
        )
        attempt.cost_usd = self.price(attempt, usage) if usage != Usage() else Decimal(0)

    def price(self, attempt: Attempt, usage: Usage) -> Decimal | None:
        """What `usage` costs at the attempt's candidate now."""
        return self._price(attempt.provider, attempt.model, usage, self._now())

    def left_usd(self, attempt: Attempt) -> Decimal | None:
        """What the budget leaves for `attempt`, after what is known to be spent; None without a
        budget."""
        granted = None if self.grant is None else self.grant.usd
        bounds = [usd for usd in (self.budget_usd, granted) if usd is not None]
        return min(bounds) - self._spent(attempt) if bounds else None

    def extend(self) -> bool:
        """Ask for a greater grant, where it is the grant that bounds. False for no more."""
        if self.grant is None or (self.budget_usd is not None and self.grant.usd > self.budget_usd):
            return False
        return self.grant.extend()

    def close(self) -> None:
        """The execution has ended: its latency and its cost stand."""
        self._latency_ms = round((self.clock() - self._started) * 1000)
        if self.grant is not None:
            self.grant.settle(self._spent())

    def _spent(self, but: Attempt | None = None) -> Decimal:
        """What is known to be spent on all attempts `but` this one."""
        return spent_usd(a for a in self.attempts if a is not but)

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

    def _interrupt(self, text: str) -> None:
        """A process died during the last attempt, which had shown `text`: its cost is a guess."""
        if self.attempts and self.attempts[-1].outcome is None:
            attempt = self.attempts[-1]
            attempt.outcome = "interrupted"
            attempt.output_tokens = max(attempt.output_tokens, estimate_tokens(text))
            self.settle(attempt)

    def _speed(self, latency_ms: int) -> float | None:
        """Output tokens of the last attempt a second, from the first word on."""
        if not self.attempts or self.ttft_ms is None or latency_ms <= self.ttft_ms:
            return None
        return round(self.attempts[-1].output_tokens * 1000 / (latency_ms - self.ttft_ms), 1)

    def _usage_source(self) -> UsageSource:
        sources = {a.usage_source for a in self.attempts}
        return sources.pop() if len(sources) == 1 else "mixed" if sources else "reported"


def spent_usd(attempts: Iterable[Attempt]) -> Decimal:
    """What is known to be spent on `attempts`."""
    return sum((a.cost_usd for a in attempts if a.cost_usd is not None), Decimal(0))
