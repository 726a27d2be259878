"""What is counted for Prometheus as things end: nothing on the way of a token.

An execution is counted from its Receipt, once for each attempt, when it ends; a commit when it is
made; a reader when it leaves. What parts know anyway is read at the scrape (`api.metrics`).
"""

from collections.abc import Iterable
from itertools import pairwise

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from executions.execution import Execution
from routing.receipt import Attempt

_MODEL = ("provider", "model")
_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 15, 30, 60, 120, 300, 600)
_GAPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
_COMMITS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2)
_GROUPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Counters:
    """Everything that is counted, in a registry of its own: two apps in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._executions = self._counter(
            "executions", "Executions that have ended.", "agent", "outcome"
        )
        self._attempts = self._counter("attempts", "Calls to models.", *_MODEL, "outcome")
        self._tokens = self._counter("tokens", "Tokens that models count.", *_MODEL, "direction")
        self._cost = self._counter("cost_usd", "USD, where the price is known.", *_MODEL)
        self._retries = self._counter("retries", "Attempts at the same model again.", *_MODEL)
        self._failovers = self._counter("failovers", "Times another model took over.", *_MODEL)
        self._duration = self._histogram(
            "duration_seconds", "From start to end.", _SECONDS, "agent"
        )
        self._first_token = self._histogram(
            "time_to_first_token_seconds", "From start to the first word.", _SECONDS, *_MODEL
        )
        self._gap = self._histogram(
            "token_gap_seconds", "Mean gap between a stream's tokens.", _GAPS, *_MODEL
        )
        self._group = self._histogram("journal_group_events", "Events a commit.", _GROUPS)
        self._commit = self._histogram("journal_commit_seconds", "Time a commit took.", _COMMITS)
        self._resumes = self._counter("resumes", "Readers that came back with their last id.")
        self._readers = self._counter("followers_left", "Readers that are gone.", "outcome")

    def ended(self, execution: Execution) -> None:
        """An execution has ended: its Receipt says all."""
        receipt, agent = execution.receipt, execution.agent.agent_type
        self._executions.labels(agent, execution.result.status).inc()
        metadata = receipt.metadata()
        self._duration.labels(agent).observe(metadata["latency_ms"] / 1000)
        for attempt in receipt.attempts:
            self._count(attempt)
        for before, after in pairwise(receipt.attempts):
            again = _of(before) == _of(after)
            (self._retries if again else self._failovers).labels(*_of(before)).inc()
        if receipt.ttft_ms is not None:
            of = _of(receipt.attempts[-1])
            self._first_token.labels(*of).observe(receipt.ttft_ms / 1000)
            if speed := metadata["tokens_per_second"]:
                self._gap.labels(*of).observe(1 / speed)

    def committed(self, events: int, seconds: float) -> None:
        """The Journal has committed a group."""
        self._group.observe(events)
        self._commit.observe(seconds)

    def resumed(self) -> None:
        """A reader came back."""
        self._resumes.inc()

    def left(self, *, at_end: bool, dismissed: bool) -> None:
        """A reader is gone: at the end, sent off by us, or dropped: hung up or too slow."""
        self._readers.labels(
            "finished" if at_end else "dismissed" if dismissed else "dropped"
        ).inc()

    def _count(self, attempt: Attempt) -> None:
        of = _of(attempt)
        self._attempts.labels(*of, attempt.outcome or "interrupted").inc()
        self._tokens.labels(*of, "input").inc(attempt.input_tokens)
        self._tokens.labels(*of, "output").inc(attempt.output_tokens)
        if attempt.cost_usd is not None:
            self._cost.labels(*of).inc(float(attempt.cost_usd))

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"leadstream_{name}", about, labels, registry=self.registry)

    def _histogram(
        self, name: str, about: str, buckets: Iterable[float], *labels: str
    ) -> Histogram:
        return Histogram(
            f"leadstream_{name}", about, labels, buckets=tuple(buckets), registry=self.registry
        )


def _of(attempt: Attempt) -> tuple[str, str]:
    return attempt.provider, attempt.model
