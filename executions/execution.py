"""An Execution: one agent working on one input, in a task that no connection owns.

It moves events from the agent to the log and adds the rows that each makes true. It ends exactly
once, because the log takes one terminal event: `complete`, `error` or `stopped`, whichever came
first. A stream that nobody follows for a while is cancelled, unless it was detached.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel

import logs
from agents.base import AgentResult, BaseAgent, Event
from errors import BudgetReached, Problem
from executions.epitaph import epitaph
from routing.ask import Begun
from routing.receipt import Receipt
from store import executions as table
from store import streams
from store.database import Write
from streams.log import Log

StopReason = Literal["requested", "abandoned", "budget", "superseded"]

logger = logging.getLogger("leadstream.execution")

_WITH_PROGRESS = frozenset({"route", "reset"})
"""Events after which the attempts made so far are stored: what recovery starts from."""


class Execution:
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
        self.execution_id = agent.context.execution_id
        self.agent = agent
        self.input = input_data
        self.log = log
        self.receipt = receipt
        self.exclusive = agent.exclusive(input_data)
        self.client = ""
        """Whose place it has; an earlier process has told nobody."""
        self.on_end: Callable[[Execution], None] = lambda execution: None
        self.begun = begun
        """The words that an earlier process had shown, where its model goes on from them."""
        self.result = AgentResult()
        self._carried: list[Write] = []
        self._route: Event | None = None
        self._abandon_after_s = abandon_after_s
        self._abandon: asyncio.TimerHandle | None = None
        self._stopping: StopReason | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopper: asyncio.Task[None] | None = None

    @property
    def stream_id(self) -> str:
        return self.log.stream_id

    def run(self) -> None:
        """Begin. The task belongs to the execution; who asked for it may leave."""
        if self.log.ended:
            return
        self._task = asyncio.create_task(self._run(), name=f"execution {self.execution_id}")
        self._task.add_done_callback(lambda _: self._ended())
        self.log.epitaph = self._epitaph
        self.log.on_followers = self._followers
        self._followers(self.log.followers)

    async def stop(self, reason: StopReason = "requested") -> None:
        """End it now: the vendor's connection is closed before this returns. Twice is harmless."""
        self._stopping = self._stopping or reason
        await self._cancel()
        if self._task is None:
            self._ended()
        await self.log.settled()

    async def leave(self) -> None:
        """The process goes: close the vendor and leave the stream open, for recovery."""
        await self._cancel()

    def carry(self, *writes: Write) -> None:
        """Rows that go with its next event that is no token."""
        self._carried.extend(writes)

    def fail(self, problem: Problem) -> None:
        """End as `error`, unless it has ended: the text so far stays."""
        if not self.log.ended:
            self._append_end({"type": "error", "error": problem.described()})

    def break_off(self, problem: Problem) -> None:
        """Fail, and close the vendor, without waiting for either."""
        self.fail(problem)
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Return when its last event is durable."""
        if self._task is not None:
            await asyncio.wait([self._task])
        await self.log.settled()

    async def _run(self) -> None:
        logs.names.set({"stream_id": self.stream_id, "execution_id": self.execution_id})
        try:
            await self._write()
        except BudgetReached:
            self._stopping = "budget"
            self._append_stopped()
        except Problem as problem:
            self.fail(problem)
        except Exception:
            logger.exception("execution %s failed", self.execution_id)
            self.fail(Problem("Something went wrong inside Leadstream. The log has the details."))

    async def _write(self) -> None:
        """The agent's answer into the log; a disk that does not keep up holds the agent back."""
        async with aclosing(self.agent.stream_execute(self.input)) as events:
            async for event in events:
                self.take(event)
                if self.log.crowded:
                    await self.log.settled()
        if not self.log.ended:
            raise Problem("The agent ended without an answer.")

    def take(self, event: Event, *writes: Write) -> None:
        """One event into the log: a token comes here and goes on, nothing else."""
        kind = event["type"]
        if kind == "token":
            self.result.take(event)
            self.log.append(event)
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
        attempts = [msgspec.structs.asdict(attempt) for attempt in self.receipt.attempts]
        return [table.progressed(self.execution_id, attempts, self.receipt.ttft_ms, self._route)]

    def _append_stopped(self) -> None:
        self._append_end({"type": "stopped", "reason": self._stopping})

    def _epitaph(self, problem: Problem) -> tuple[Event, list[Write]]:
        if self._task is not None:
            self._task.cancel()
        self.receipt.close()
        return epitaph(self.execution_id, self.stream_id, problem, self.receipt.metadata())

    def _append_end(self, event: Event) -> None:
        """The one terminal event, with every row that it makes true."""
        self.receipt.close()
        shown = {key: value for key, value in event.items() if key != "result"}
        shown["metadata"] = self.receipt.metadata()
        if event["type"] == "complete":
            shown["result"] = event.get("result")
        self.result.take(shown)
        result, now = self.result, datetime.now(UTC)
        outcome: dict[str, Any] = {
            "status": result.status,
            "text": result.text,
            "result": result.result,
            "error": result.error,
            "metadata": result.metadata,
        }
        self.log.append(
            shown,
            table.ended(self.execution_id, outcome, now),
            streams.ended(self.stream_id, now),
            *self.agent.closing_writes(self.input, result),
        )

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _followers(self, count: int) -> None:
        """The first follower stops the clock, the last one to leave starts it."""
        if self._abandon is not None:
            self._abandon.cancel()
            self._abandon = None
        if count == 0 and self._abandon_after_s is not None and not self.log.ended:
            loop = asyncio.get_running_loop()
            self._abandon = loop.call_later(self._abandon_after_s, self._abandoned)

    def _abandoned(self) -> None:
        self._stopper = asyncio.create_task(self.stop("abandoned"))

    def _ended(self) -> None:
        """The task is over, or was cancelled before it began: only here both come by, and before
        whoever waits for it."""
        if self._stopping and not self.log.ended:
            self._append_stopped()
        if self._abandon is not None:
            self._abandon.cancel()
        self.log.on_followers = lambda count: None
        self.on_end(self)
