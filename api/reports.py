"""What is told of every execution: a log line at each of its ends, and its counts."""

import logging

from api.counters import Counters
from executions.execution import Execution
from executions.running import Running
from logs import about

logger = logging.getLogger("leadstream.execution")

_SHOWN = ("provider", "model", "output_tokens", "total_cost_usd", "ttft_ms", "latency_ms")


class Reports:
    """Ids, numbers and codes; no words of a lead, a caller or a model."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def begun(self, running: Running) -> None:
        logger.info("%s begun", _kind(running), extra=about(**running.names))

    def ended(self, running: Running) -> None:
        if not running.log.ended:
            logger.info("%s left to recovery", _kind(running), extra=about(**running.names))
            return
        if isinstance(running, Execution):
            self._counters.ended(running)
        error, metadata = running.result.error, running.receipt.metadata()
        level = logging.WARNING if error else logging.INFO
        outcome = {"status": running.result.status, "error": error and error["code"]}
        numbers = {name: metadata[name] for name in _SHOWN}
        told = about(**running.names, **outcome, **numbers)
        logger.log(level, "%s ended", _kind(running), extra=told)


def _kind(running: Running) -> str:
    """A workflow's steps are executions of their own, and counted as such."""
    return "execution" if isinstance(running, Execution) else "workflow"
