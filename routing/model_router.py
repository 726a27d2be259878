"""The ModelRouter: what agents ask. It picks who answers, tries them, and explains itself."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Unpack

from providers.base import Message, Usage
from routing.answering import Answering
from routing.ask import Ask, Options, TaskType, messages_of
from routing.candidates import Candidate, Candidates
from routing.choice import Decision, Facts, choose
from routing.receipt import Receipt


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
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Answer `prompt`: `route`, then `token`s, at the end `complete` with the metadata.

        `warning` and `reset` come where they are due. Close it (`contextlib.aclosing`) when you
        leave it early: that closes the vendor's socket. Raises NoCandidate when nobody may be
        asked, and the last candidate's Fault when all have failed.
        """
        ask = self.ask(task_type, prompt, options)
        receipt = self.receipt or Receipt(task_type, self.candidates.prices)
        return Answering(ask, receipt, self.candidates, self.explain).events()

    def ask(self, task_type: TaskType, prompt: str | Sequence[Message], options: Options) -> Ask:
        """A prompt and its options, with the defaults of this router under them."""
        said: Options = {**self.defaults, **options}
        if (bound := said.get("max_cost_usd")) is not None:
            said["max_cost_usd"] = Decimal(str(bound))
        return Ask(task_type=task_type, messages=messages_of(prompt), **said)

    def explain(self, ask: Ask, failed: dict[str, str] | None = None) -> Decision:
        """Who would answer now, and why: calls nobody. `failed` are out, by name, with a reason."""
        return choose([self._facts(c, ask, failed or {}) for c in self.candidates], ask)

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
            latency_ms=candidate.estimate.latency_ms(ask.usual_tokens),
            cost_usd=None if candidate.missing else self.candidates.price(candidate, usage),
        )
