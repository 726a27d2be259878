"""The Meter of one attempt: counts what comes, says what it cost, and cuts at the budget.

Chunks come by thousands, so a token adds to a number and compares it with another: the budget is
turned into characters once, and again when the vendor reports its own count of the prompt.
"""

from math import inf

from msgspec import structs

from errors import BudgetReached, Problem
from providers.base import Usage
from routing.ask import estimate_tokens
from routing.receipt import Attempt, Outcome, Receipt

SHORT_TOKENS = 10
"""An answer shorter than this says nothing of a model's speed."""

LONGEST_TOKEN = 20
"""Characters: an answer of more than so many for each token it may have is cut."""

PRICED_TOKENS = 1000
"""So many tokens are priced to learn what one costs: below it, some tables round."""

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


class Meter:
    """Counts one running attempt, from the moment at which its request is about to go out.

    Raises BudgetReached as soon as what came, or the prompt alone, reaches the Receipt's budget.
    """

    def __init__(self, receipt: Receipt, attempt: Attempt) -> None:
        self.attempt = attempt
        self.ttft_ms: float | None = None
        """From the request to the first word of this attempt."""
        self._receipt = receipt
        self._started = receipt.clock()
        self._sent = False
        self.characters = 0
        """Of words, so far."""
        self._thought = 0
        self._cut = False
        self._usage: Usage | None = None
        self._may_reach = self._affordable()
        self._extend()
        if self._may_reach >= 0:
            receipt.begin(attempt)
        self._check()

    def send(self) -> None:
        """The request goes out now."""
        self._started = self._receipt.clock()
        self._sent = True

    def text(self, content: str) -> None:
        """Words came. The first ones stop the clock of the time to first token."""
        if self.ttft_ms is None:
            self._receipt.first_token()
            self.ttft_ms = self._ms()
        self.characters += len(content)
        if self.characters > self._may_reach:
            self._check()

    def thinking(self, content: str) -> None:
        """Reasoning came: billed as output, and no first token."""
        self._thought += len(content)
        self._check()

    def usage(self, usage: Usage) -> None:
        """The vendor's count so far: the last one wins, it never goes down, and a part is never
        more than its whole: no table has a price for that."""
        both = zip(structs.astuple(usage), structs.astuple(self._usage or Usage()), strict=True)
        of_input, of_output, cached, written, reasoning = (max(counts) for counts in both)
        self._usage = Usage(
            max(of_input, cached + written), max(of_output, reasoning), cached, written, reasoning
        )
        self._may_reach = self._affordable()

    def cut(self) -> None:
        """We end the answer here, for its length."""
        self._cut = True
        self.attempt.finish_reason = "length"

    def end(self, outcome: Outcome, problem: Problem | None = None) -> None:
        """Exactly once: what the attempt came to, and what it cost."""
        attempt = self.attempt
        attempt.outcome = outcome
        attempt.error = problem.code if problem else None
        attempt.ms = round(self._ms())
        if self._usage is not None:
            _take_over(attempt, self._usage)
        counted = self._usage is not None and not self._cut
        if counted and (outcome == "ok" or attempt.error == "upstream_empty"):
            attempt.usage_source = "reported"
        elif not self._sent or (self._came_nothing() and attempt.error in _UNBILLED):
            attempt.input_tokens, attempt.usage_source = 0, "reported"
        else:
            self._estimate()
        self._receipt.settle(attempt)

    @property
    def waited_ms(self) -> float:
        """How long its first word took, or would have taken at least."""
        return self._ms() if self.ttft_ms is None else self.ttft_ms

    @property
    def speed(self) -> float | None:
        """Tokens a second after the first word, once it has ended; None where it says nothing."""
        span_ms = self.attempt.ms - (self.ttft_ms or 0)
        if self.attempt.output_tokens < SHORT_TOKENS or span_ms <= 0:
            return None
        return self.attempt.output_tokens * 1000 / span_ms

    def _estimate(self) -> None:
        """Cut short, or never counted: the vendor's last count is from before the end."""
        attempt = self.attempt
        attempt.reasoning_tokens = max(attempt.reasoning_tokens, estimate_tokens(self._thought))
        seen = estimate_tokens(self.characters) + attempt.reasoning_tokens
        attempt.output_tokens = max(attempt.output_tokens, seen)
        attempt.usage_source = "estimated" if self._usage is None else "mixed"

    def _came_nothing(self) -> bool:
        return self._usage is None and not self.characters and not self._thought

    def _affordable(self) -> float:
        """How many characters the budget pays for, whole tokens; below 0 where the prompt alone is
        too much."""
        left = self._receipt.left_usd(self.attempt)
        if left is None:
            return inf
        known = self._usage or Usage(input_tokens=self.attempt.input_tokens)
        prompt = structs.replace(known, output_tokens=0, reasoning_tokens=0)
        answered = structs.replace(prompt, output_tokens=PRICED_TOKENS)
        of_prompt = self._receipt.price(self.attempt, prompt)
        of_both = self._receipt.price(self.attempt, answered)
        if of_prompt is None or of_both is None:
            return inf
        if left <= of_prompt:
            return -1
        # With the prompt, because behind a long one some vendors' words cost more.
        of_words = of_both - of_prompt
        tokens = (left - of_prompt) * PRICED_TOKENS // of_words if of_words else inf
        return float(tokens) * 4

    @property
    def _over(self) -> bool:
        return self.characters + self._thought > self._may_reach or self._may_reach < 0

    def _extend(self) -> None:
        while self._over and self._receipt.extend():
            self._may_reach = self._affordable()

    def _check(self) -> None:
        self._extend()
        if self._over:
            raise BudgetReached(self._receipt.budget_usd)

    def _ms(self) -> float:
        return (self._receipt.clock() - self._started) * 1000


def _take_over(attempt: Attempt, usage: Usage) -> None:
    """The vendor's own counts."""
    for name in usage.__struct_fields__:
        setattr(attempt, name, getattr(usage, name))
