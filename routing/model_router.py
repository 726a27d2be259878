"""The ModelRouter: picks who answers, tries them, fails over in view of the reader.

For each candidate: retry ( breaker ( deadline ( provider ) ) ). Each attempt sends at most one
request, reports exactly one outcome to its breaker and stands in the Receipt. Once a word was
shown there is no retry and no second candidate without a `reset` before it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Unpack

from errors import Fault, NoCandidate
from providers.base import Chunk, Chunks, Finish, Message, Request, Text, Thinking, Usage
from resilience.deadline import Deadline
from resilience.retry_handler import Retrying
from routing.ask import Ask, Options, TaskType, messages_of
from routing.candidates import Candidate, Candidates
from routing.choice import Decision, Facts, choose
from routing.receipt import Meter, Receipt

logger = logging.getLogger("leadstream.router")

Event = dict[str, Any]


@dataclass(frozen=True)
class ModelRouter:
    """`bound()` gives a view of it for one execution: its receipt, its agent's defaults."""

    candidates: Candidates
    receipt: Receipt | None = None
    defaults: Options = field(default_factory=Options)

    def bound(self, receipt: Receipt, defaults: Options) -> "ModelRouter":
        """The same router, writing into `receipt`, with what the caller does not say filled in."""
        return replace(self, receipt=receipt, defaults=defaults)

    def stream_request(
        self,
        *,
        task_type: TaskType,
        prompt: str | Sequence[Message],
        **options: Unpack[Options],
    ) -> AsyncGenerator[Event, None]:
        """Answer `prompt`: `route`, then `token`s, at the end `complete` with the metadata.

        `warning` and `reset` come where they are due. Close it (`contextlib.aclosing`) when you
        leave it early: that closes the vendor's socket. Raises NoCandidate when nobody may be
        asked, and the last candidate's Fault when all have failed.
        """
        return self._stream(self._ask(task_type, prompt, options))

    def explain(self, ask: Ask, failed: dict[str, str] | None = None) -> Decision:
        """Who would answer now, and why: calls nobody."""
        return choose(
            [self._facts(candidate, ask, failed or {}) for candidate in self.candidates], ask
        )

    def _ask(self, task_type: TaskType, prompt: str | Sequence[Message], options: Options) -> Ask:
        said: Options = {**self.defaults, **options}
        if (bound := said.get("max_cost_usd")) is not None:
            said["max_cost_usd"] = Decimal(str(bound))
        return Ask(task_type=task_type, messages=messages_of(prompt), **said)

    def _facts(self, candidate: Candidate, ask: Ask, failed: dict[str, str]) -> Facts:
        usage = Usage(input_tokens=ask.input_tokens, output_tokens=ask.max_tokens)
        return Facts(
            provider=candidate.provider,
            model=candidate.model,
            known=candidate.known,
            rank=candidate.rank,
            missing=candidate.missing,
            gated=candidate.gate.peek().why,
            open=candidate.breaker.peek().why,
            failed=failed.get(candidate.name),
            latency_ms=candidate.known.ttft_ms + ask.usual_tokens * 1000 / candidate.known.speed,
            cost_usd=None if candidate.missing else self.candidates.price(candidate, usage),
        )

    async def _stream(self, ask: Ask) -> AsyncGenerator[Event, None]:
        receipt = self.receipt or Receipt(ask.task_type, self.candidates.prices)
        deadline = self.candidates.deadline()
        failed: dict[str, str] = {}
        fault: Fault | None = None
        shown = reset = False
        while (decision := self.explain(ask, failed)).picked is not None:
            candidate = self.candidates[decision.picked]
            if shown:
                yield {"type": "reset", "reason": "failover", "provider": candidate.provider}
                shown, reset = False, True
            yield decision.event()
            for warning in _warnings(decision):
                yield warning
            try:
                async with aclosing(self._answer(candidate, ask, receipt, deadline)) as events:
                    async for event in events:
                        shown = shown or event["type"] == "token"
                        yield event
            except Fault as error:
                logger.warning("%s failed: %s (%s)", candidate.name, error, error.code)
                failed[candidate.name] = f"{error.code} in this request"
                fault = error
                if shown and (reset or ask.on_failure == "fail"):
                    break
            else:
                yield {"type": "complete", "metadata": receipt.metadata()}
                return
        raise fault or _nobody(decision)

    async def _answer(
        self, candidate: Candidate, ask: Ask, receipt: Receipt, deadline: Deadline
    ) -> AsyncGenerator[Event, None]:
        """One candidate: its words as events, its retries as warnings."""
        request = Request(
            model=candidate.model,
            messages=ask.messages,
            max_tokens=ask.max_tokens,
            system=ask.system,
            temperature=ask.temperature,
            schema=ask.schema,
        )

        def attempt() -> Chunks:
            meter = receipt.begin(candidate.provider, candidate.model, ask.input_tokens)
            return _counted(candidate, request, meter, deadline)

        chunks = candidate.retry.execute_streaming(
            lambda: candidate.breaker.call_streaming(attempt, is_content=_text),
            is_content=_text,
            remaining_s=deadline.remaining_s,
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                kind = type(chunk)
                if kind is Text:
                    yield {"type": "token", "content": chunk.content}  # type: ignore[union-attr]
                elif isinstance(chunk, Retrying):
                    yield _retrying(candidate, chunk)


async def _counted(
    candidate: Candidate, request: Request, meter: Meter, deadline: Deadline
) -> Chunks:
    """One request: deadline ( provider ), and what it came to in the Receipt."""
    try:
        guarded = deadline.guard(_ask(candidate, request), is_content=_text)
        async with aclosing(guarded):
            async for chunk in guarded:
                _count(meter, chunk)
                yield chunk
    except (asyncio.CancelledError, GeneratorExit):
        meter.end("cancelled")
        raise
    except Fault as fault:
        meter.end("failed", fault)
        candidate.gate.note(fault)
        raise
    meter.end("ok")


async def _ask(candidate: Candidate, request: Request) -> Chunks:
    """The provider's answer as a generator: closing it closes the vendor's socket."""
    async with candidate.source.answer(request) as chunks:
        async for chunk in chunks:
            yield chunk


def _text(chunk: Chunk) -> bool:
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


def _warnings(decision: Decision) -> list[Event]:
    """What the reader should know about the one picked before its first word."""
    picked, ask = decision.picked, decision.ask
    warnings: list[Event] = []
    if picked is None:
        return warnings
    if decision.outside:
        warnings.append(
            _warning("outside_bounds", f"Nobody is inside the bounds: {decision.outside}.")
        )
    if picked.cost_usd is None and ask.max_cost_usd is not None:
        warnings.append(
            _warning("price_unknown", f"No price is known for {picked.provider}/{picked.model}.")
        )
    if picked.known.toy:
        warnings.append(
            _warning(
                "toy_model",
                f"{picked.model} shows that everything works and is no adviser: set "
                "CEREBRAS_API_KEY, ANTHROPIC_API_KEY, DEEPSEEK_API_KEY or OLLAMA_BASE_URL.",
            )
        )
    return warnings


def _warning(code: str, detail: str) -> Event:
    return {"type": "warning", "code": code, "detail": detail}


def _retrying(candidate: Candidate, retrying: Retrying) -> Event:
    detail = (
        f"{candidate.name} failed ({retrying.fault.code}); trying again in "
        f"{retrying.delay_s:.1f} s (try {retrying.attempt + 1})."
    )
    return _warning("retrying", detail)


def _nobody(decision: Decision) -> NoCandidate:
    said = "; ".join(f"{c.provider}: {c.why}" for c in decision.considered)
    return NoCandidate(
        f"No model can answer this. {said or 'No provider is configured'}. "
        "Set a vendor's key, or LEADSTREAM_LOCAL_MODEL=bundled."
    )
