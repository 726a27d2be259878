"""What is told of every execution: a log line at each of its ends, and its counts."""

import logging
from typing import Any

from api.counters import Counters
from executions.execution import Execution
from logs import about

logger = logging.getLogger("leadstream.execution")

_SHOWN = ("provider", "model", "output_tokens", "total_cost_usd", "ttft_ms", "latency_ms")


class Reports:
    """Ids, numbers and codes; no words of a lead, a caller or a model."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def begun(self, execution: Execution) -> None:
        logger.info("execution begun", extra=about(**_ids(execution)))

    def ended(self, execution: Execution) -> None:
        if not execution.log.ended:
            logger.info("execution left to recovery", extra=about(**_ids(execution)))
            return
        self._counters.ended(execution)
        error, metadata = execution.result.error, execution.receipt.metadata()
        level = logging.WARNING if error else logging.INFO
        outcome = {"status": execution.result.status, "error": error and error["code"]}
        numbers = {name: metadata[name] for name in _SHOWN}
        told = about(**_ids(execution), **outcome, **numbers)
        logger.log(level, "execution ended", extra=told)


def _ids(execution: Execution) -> dict[str, Any]:
    return {
        "stream_id": execution.stream_id,
        "execution_id": execution.execution_id,
        "agent": execution.agent.agent_type,
    }
