"""Answering: one request on its way through its candidates, in view of the reader.

For each candidate: retry ( breaker ( deadline ( provider ) ) ). Each attempt sends at most one
request, reports exactly one outcome to its breaker and stands in the Receipt before the reader is
told of it: recovery finds it there. Once a word was shown there is no retry, and no second
candidate without a `reset` before its first word.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from msgspec import structs

from errors import Fault
from providers.base import Chunk, Request, Text
from resilience.retry_handler import Retrying
from routing import notices
from routing.ask import Ask, estimate_tokens
from routing.attempting import Outgoing, Steps, attempt, is_text
from routing.candidates import Candidate, Candidates
from routing.choice import Decision, Facts
from routing.meter import Meter
from routing.notices import Event
from routing.receipt import Attempt, Receipt

logger = logging.getLogger("leadstream.router")

Decide = Callable[[Ask, dict[str, str]], Decision]
Step = Chunk | Outgoing | Retrying


class Answering:
    """One request. `events()` once."""

    def __init__(self, ask: Ask, receipt: Receipt, candidates: Candidates, decide: Decide) -> None:
        self._ask = ask
        self._receipt = receipt
        self._candidates = candidates
        self._decide = decide
        self._deadline = candidates.deadline()
        self._failed: dict[str, str] = {}
        self._shown = ask.begun.text if ask.begun else ""
        self._spoke = False
        """Some of what is shown is the present candidate's."""
        self._continuing = ask.begun.candidate if ask.begun else None
        """Who goes on from the words shown; None when the next one begins anew."""
        self._seams = 0
        self._told_of: Decision | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        """`route`, `token`s, `complete`; raises the last Fault, or NoCandidate."""
        fault: Fault | None = None
        while (decision := self._next()).picked is not None:
            candidate = self._candidates[decision.picked]
            self._spoke = False
            try:
                async with aclosing(self._steps(candidate)) as steps:
                    async for step in steps:
                        if type(step) is Text:
                            self._spoke = True
                            self._shown += step.content
                            yield {"type": "token", "content": step.content}
                        else:
                            for event in self._told(step, candidate, decision):
                                yield event
            except Fault as error:
                logger.warning("%s failed: %s (%s)", candidate.name, error, error.code)
                fault = error
                if not self._goes_on(candidate, error):
                    break
            else:
                yield {"type": "complete", "metadata": self._receipt.metadata()}
                return
            finally:
                self._candidates.touch(candidate)
        raise fault or notices.nobody(decision)

    def _next(self) -> Decision:
        """Who is asked now: the one that goes on from its own words, else the best."""
        if self._continuing:
            pinned = structs.replace(self._ask, provider=self._continuing)
            others = {name: why for name, why in self._failed.items() if name != self._continuing}
            decision = self._decide(pinned, others)
            if decision.picked is not None and self._can_continue(decision.picked):
                return structs.replace(decision, reason="goes on from its own words")
            self._continuing = None
        return self._decide(self._ask, self._failed)

    def _goes_on(self, candidate: Candidate, fault: Fault) -> bool:
        """Whether somebody may take over after `fault`, and from where."""
        self._failed[candidate.name] = f"{fault.code} in this request"
        self._continuing = None
        if not self._spoke:
            return True
        if self._ask.on_failure == "fail" or self._seams:
            return False
        self._seams += 1
        if self._ask.on_failure == "continue":
            self._continuing = candidate.name
        return True

    def _can_continue(self, picked: Facts) -> bool:
        """Plain prose, and a model that takes its own words as the beginning of its answer."""
        return self._candidates[picked].source.continues and self._ask.schema is None

    def _announced(self, candidate: Candidate, decision: Decision) -> list[Event]:
        """What the reader is told before the first request to a candidate goes out."""
        events = []
        if self._shown and not self._continuing:
            self._shown = ""
            reason = "failover" if self._failed else "recovered"
            events.append(notices.reset(reason, candidate.provider))
        events.append(decision.event() | ({"stitched": True} if self._continuing else {}))
        return events + notices.of_decision(decision)

    def _steps(self, candidate: Candidate) -> AsyncGenerator[Step, None]:
        """Retry ( breaker ( attempt ) )."""
        return candidate.retry.execute_streaming(
            lambda: candidate.breaker.call_streaming(
                lambda: self._attempt(candidate), is_content=is_text
            ),
            is_content=is_text,
            remaining_s=self._deadline.remaining_s,
        )

    def _told(self, step: Step, candidate: Candidate, decision: Decision) -> Sequence[Event]:
        """Whom the reader hears from next, and a candidate's retries as warnings."""
        if isinstance(step, Retrying):
            self._candidates.touch(candidate)
            return (notices.retrying(candidate.name, step),)
        if isinstance(step, Outgoing) and self._told_of is not decision:
            self._told_of = decision
            return self._announced(candidate, decision)
        return ()

    def _attempt(self, candidate: Candidate) -> Steps:
        """The next attempt, counted from here on. Raises BudgetReached."""
        ask = self._ask
        request = Request(
            model=candidate.model,
            messages=ask.messages,
            max_tokens=ask.max_tokens,
            system=ask.system,
            temperature=ask.temperature,
            schema=ask.schema,
            prefix=self._shown if self._continuing else "",
        )
        prompt_tokens = ask.input_tokens + estimate_tokens(request.prefix)
        sent = Attempt(candidate.provider, candidate.model, input_tokens=prompt_tokens)
        return attempt(candidate, request, Meter(self._receipt, sent), self._deadline)
