"""An Execution: one agent working on one input.

It moves events from the agent to the log and adds the rows that each makes true.
"""

from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from pydantic import BaseModel

from agents.base import BaseAgent, Event
from errors import Problem
from executions.epitaph import epitaph
from executions.running import Running
from routing.ask import Begun
from routing.receipt import Receipt
from store import executions as table
from store.database import Write
from streams.log import Log

_WITH_PROGRESS = frozenset({"route", "reset", "warning"})
"""Events after which the attempts made so far are stored: what recovery starts from."""


class Execution(Running):
    """Create it, `log.append` its opening, then `run()`."""

    def __init__(
        self,
        agent: BaseAgent,
        input_data: BaseModel,
        log: Log,
        receipt: Receipt,
        *,
        begun: Begun | None = None,
        abandon_after_s: float | None,
    ) -> None:
        assert agent.context is not None
        super().__init__(log, receipt, abandon_after_s)
        self.execution_id = agent.context.execution_id
        self.agent = agent
        self.input = input_data
        self.exclusive = agent.exclusive(input_data)
        self.begun = begun
        """The words that an earlier process had shown, where its model goes on from them."""
        self._carried: list[Write] = []
        self._route: Event | None = None
        self._stored = 0
        """How many attempts recovery would find."""

    def carry(self, *writes: Write) -> None:
        """Rows that go with its next event that is no token."""
        self._carried.extend(writes)

    @property
    def names(self) -> dict[str, str]:
        return {
            "stream_id": self.stream_id,
            "execution_id": self.execution_id,
            "agent": self.agent.agent_type,
        }

    def reopen(self) -> None:
        """Behind a `reset`, unless its model goes on from its own words."""
        recovered = table.recovered(self.execution_id)
        if self.begun is None:
            attempts = self.receipt.attempts
            provider = attempts[-1].provider if attempts else None
            self.take({"type": "reset", "reason": "recovered", "provider": provider}, recovered)
        else:
            self.carry(recovered)

    async def _write(self) -> None:
        """The agent's answer into the log; a disk that does not keep up holds the agent back.

        So does the first word: its reader has it before anything behind it is looked at.
        """
        silent = True
        async with aclosing(self.agent.stream_execute(self.input)) as events:
            async for event in events:
                self.take(event)
                if self.log.crowded or (silent and event["type"] == "token"):
                    silent = False
                    await self.log.settled()
        if not self.log.ended:
            raise Problem("The agent ended without an answer.")

    def take(self, event: Event, *writes: Write) -> None:
        """One event into the log: a token comes here and goes on, nothing else."""
        kind = event["type"]
        if kind == "token":
            self.result.take(event)
            # A retry is told before it is made: its first word says that it was.
            progress = self._progress() if len(self.receipt.attempts) != self._stored else ()
            self.log.append(event, *progress)
        elif kind == "complete":
            self._append_end(event)
        else:
            self.result.take(event)
            if kind == "route":
                self._route = event
            progress = self._progress() if kind in _WITH_PROGRESS else ()
            carried, self._carried = self._carried, []
            self.log.append(event, *writes, *progress, *carried)

    def _progress(self) -> list[Write]:
        self._stored = len(self.receipt.attempts)
        attempts = [msgspec.structs.asdict(attempt) for attempt in self.receipt.attempts]
        return [table.progressed(self.execution_id, attempts, self.receipt.ttft_ms, self._route)]

    def _epitaph(self, problem: Problem) -> tuple[Event, list[Write]]:
        if self._task is not None:
            self._task.cancel()
        self.receipt.close()
        return epitaph(self.execution_id, problem, self.receipt.metadata())

    def _append_end(self, event: Event) -> None:
        """The one terminal event, with every row that it makes true."""
        self.receipt.close()
        shown = {key: value for key, value in event.items() if key != "result"}
        shown["metadata"] = self.receipt.metadata()
        if event["type"] == "complete":
            shown["result"] = event.get("result")
        self.result.take(shown)
        self.log.append(
            shown,
            table.ended(self.execution_id, vars(self.result), datetime.now(UTC)),
            *self.agent.closing_writes(self.input, self.result),
        )
