"""Answering: one request on its way through its candidates, in view of the reader.

For each candidate: retry ( breaker ( deadline ( provider ) ) ). Each attempt sends at most one
request, reports exactly one outcome to its breaker and stands in the Receipt. Once a word was
shown there is no retry, and no second candidate without a `reset` before its first word.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec import structs

from errors import BudgetReached, Fault
from providers.base import Chunk, Chunks, Finish, Request, Text, Thinking, Usage
from resilience.deadline import Deadline
from resilience.retry_handler import Retrying
from routing import notices
from routing.ask import Ask
from routing.candidates import Candidate, Candidates
from routing.choice import Decision, Facts
from routing.meter import Meter
from routing.notices import Event
from routing.receipt import Attempt, Receipt

logger = logging.getLogger("leadstream.router")

Decide = Callable[[Ask, dict[str, str]], Decision]


class Answering:
    """One request. `events()` once."""

    def __init__(self, ask: Ask, receipt: Receipt, candidates: Candidates, decide: Decide) -> None:
        self._ask = ask
        self._receipt = receipt
        self._candidates = candidates
        self._decide = decide
        self._deadline = candidates.deadline()
        self._failed: dict[str, str] = {}
        self._shown: list[str] = [ask.begun.text] if ask.begun else []
        self._continuing = ask.begun.candidate if ask.begun else None
        """Who goes on from the words shown; None when the next one begins anew."""
        self._seams = 0

    async def events(self) -> AsyncGenerator[Event, None]:
        """`route`, `token`s, `complete`; raises the last Fault, or NoCandidate."""
        fault: Fault | None = None
        while (decision := self._next()).picked is not None:
            candidate = self._candidates[decision.picked]
            if self._shown and not self._continuing:
                self._shown.clear()
                yield notices.reset("failover", candidate.provider)
            yield decision.event() | ({"stitched": True} if self._continuing else {})
            for warning in notices.of_decision(decision):
                yield warning
            try:
                async with aclosing(self._answer(candidate)) as events:
                    async for event in events:
                        yield event
            except Fault as error:
                logger.warning("%s failed: %s (%s)", candidate.name, error, error.code)
                fault = error
                if not self._goes_on(candidate, error):
                    break
            else:
                yield {"type": "complete", "metadata": self._receipt.metadata()}
                return
        raise fault or notices.nobody(decision)

    def _next(self) -> Decision:
        """Who is asked now: the one that goes on from its own words, else the best."""
        if self._continuing:
            pinned = structs.replace(self._ask, provider=self._continuing)
            decision = self._decide(pinned, self._failed)
            if decision.picked is not None and self._can_continue(decision.picked):
                return decision
            self._continuing = None
        return self._decide(self._ask, self._failed)

    def _goes_on(self, candidate: Candidate, fault: Fault) -> bool:
        """Whether somebody may take over after `fault`, and from where."""
        self._continuing = None
        if self._shown:
            if self._ask.on_failure == "fail" or self._seams:
                return False
            self._seams += 1
            if self._ask.on_failure == "continue":
                self._continuing = candidate.name
                return True
        self._failed[candidate.name] = f"{fault.code} in this request"
        return True

    def _can_continue(self, picked: Facts) -> bool:
        """Plain prose, and a model that takes its own words as the beginning of its answer."""
        return self._candidates[picked].source.continues and self._ask.schema is None

    async def _answer(self, candidate: Candidate) -> AsyncGenerator[Event, None]:
        """One candidate: its words as events, its retries as warnings."""
        ask = self._ask
        request = Request(
            model=candidate.model,
            messages=ask.messages,
            max_tokens=ask.max_tokens,
            system=ask.system,
            temperature=ask.temperature,
            schema=ask.schema,
            prefix="".join(self._shown) if self._continuing else "",
        )

        def attempt() -> Chunks:
            self._candidates.touch(candidate)
            sent = Attempt(candidate.provider, candidate.model, input_tokens=ask.input_tokens)
            meter = Meter(self._receipt, sent)
            return _counted(candidate, request, meter, self._deadline)

        chunks = candidate.retry.execute_streaming(
            lambda: candidate.breaker.call_streaming(attempt, is_content=_is_text),
            is_content=_is_text,
            remaining_s=self._deadline.remaining_s,
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                if isinstance(chunk, Text):
                    self._shown.append(chunk.content)
                    yield {"type": "token", "content": chunk.content}
                elif isinstance(chunk, Retrying):
                    yield notices.retrying(candidate.name, chunk)


async def _counted(
    candidate: Candidate, request: Request, meter: Meter, deadline: Deadline
) -> Chunks:
    """One request: deadline ( provider ), and what it came to in the Receipt."""
    try:
        guarded = deadline.guard(_asked(candidate, request), is_content=_is_text)
        async with aclosing(guarded):
            async for chunk in guarded:
                _count(meter, chunk)
                yield chunk
    except (asyncio.CancelledError, GeneratorExit, BudgetReached):
        meter.end("cancelled")
        raise
    except Fault as fault:
        meter.end("failed", fault)
        candidate.gate.note(fault)
        if fault.blame == "failure":
            candidate.estimate.observe_failure(meter.attempt.ms)
        raise
    meter.end("ok")
    candidate.estimate.observe(meter.ttft_ms, meter.speed)


async def _asked(candidate: Candidate, request: Request) -> Chunks:
    """The provider's answer as a generator: closing it closes the vendor's socket."""
    async with candidate.source.answer(request) as chunks:
        async for chunk in chunks:
            yield chunk


def _is_text(chunk: Chunk) -> bool:
    return type(chunk) is Text


def _count(meter: Meter, chunk: Chunk) -> None:
    """What a chunk adds to the attempt's account; words first, they come by thousands."""
    if isinstance(chunk, Text):
        meter.text(chunk.content)
    elif isinstance(chunk, Usage):
        meter.usage(chunk)
    elif isinstance(chunk, Thinking):
        meter.thinking(chunk.content)
    elif isinstance(chunk, Finish):
        meter.attempt.finish_reason = chunk.reason
