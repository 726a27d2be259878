"""One answer: the way of a request to a vendor that is no model, and answers whole.

It goes gate, retry ( breaker ( deadline ) ), by the same parts as a model's answer. One thing is
different: such a request may be charged for each time that it is carried out, so one of which
nobody knows whether it was is not made again.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from errors import UNKNOWN_OUTCOME, CircuitOpen, Fault
from providers.exchange import Ask, Reply, exchange
from resilience.circuit_breaker import CircuitBreaker
from resilience.deadline import Deadline
from resilience.gate import Gate
from resilience.retry_handler import RetryHandler, Retrying
from settings import Settings

Call = Callable[[], Awaitable[Reply]]


@asynccontextmanager
async def one_answer(name: str, settings: Settings) -> AsyncIterator[Ask]:
    """The `ask` of `exchange`, guarded. Raises a Fault, CircuitOpen where nothing was sent."""
    guarded = _Guarded(name, settings)
    async with exchange(name, settings) as ask:
        yield lambda *said, **content: guarded(lambda: ask(*said, **content))


class _Guarded:
    """One vendor's. An attempt gets `source_timeout_s`, all attempts of a call twice that."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._gate = Gate(name)
        self._breaker = CircuitBreaker(
            name, threshold=settings.breaker_threshold, reset_s=settings.breaker_reset_s
        )
        self._retry = RetryHandler(settings.retry_attempts, settings.retry_base_s)
        self._patience_s = settings.source_timeout_s

    async def __call__(self, call: Call) -> Reply:
        gate = self._gate.peek()
        if not gate.allowed:
            raise CircuitOpen(gate.why, retry_after_s=gate.retry_after_s)
        deadline = Deadline(self._patience_s, self._patience_s, 2 * self._patience_s)
        attempts = self._retry.execute_streaming(
            lambda: self._breaker.call_streaming(lambda: self._attempt(call, deadline)),
            remaining_s=deadline.remaining_s,
        )
        async with aclosing(attempts):
            answers = [item async for item in attempts if not isinstance(item, Retrying)]
        return answers[0]

    async def _attempt(self, call: Call, deadline: Deadline) -> AsyncGenerator[Reply, None]:
        try:
            async with aclosing(deadline.guard(_answer(call))) as answer:
                async for item in answer:
                    yield item
        except Fault as fault:
            self._gate.note(fault)
            if isinstance(fault, UNKNOWN_OUTCOME):
                fault.retryable = False
            raise


async def _answer(call: Call) -> AsyncGenerator[Reply, None]:
    yield await call()
