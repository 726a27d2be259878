"""A Flow: one started workflow. It begins steps when their turn has come, and ends their stream.

Each step is an Execution whose log is a part of the workflow's, so routing, money, rows and
recovery are those of any execution. A step's end is committed together with the state that says
so; whatever begins after it finds its result in the store.
"""

import asyncio
import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from agents.base import Event
from errors import Conflict, Interrupted, Problem, TooMany
from executions.execution import Execution
from executions.progress import STOPPED, Progress
from executions.running import Running
from executions.step_log import StepLog
from executions.steps import Steps
from executions.workflow import Step
from store import workflows
from store.database import Write
from streams.log import Log

_STATUS_OF = {"complete": "completed", "error": "failed", "stopped": "stopped"}

logger = logging.getLogger("leadstream.workflow")


class Flow(Running):
    """Create it, `log.append` its opening, then `run()`."""

    def __init__(
        self, steps: Steps, progress: Progress, log: Log, *, abandon_after_s: float | None
    ) -> None:
        super().__init__(log, steps.receipt, abandon_after_s)
        self.progress = progress
        self.recoveries = 0
        """How often it was taken up since a step has ended."""
        self._steps = steps
        self._running: dict[str, Execution] = {}
        self._news = asyncio.Event()
        self._closing = False

    @property
    def names(self) -> dict[str, str]:
        return {"stream_id": self.stream_id, "workflow": self.progress.workflow.name}

    async def prepare(self, lead: dict[str, Any] | None) -> None:
        """Refuse what its first steps refuse: raises their Problem."""
        for step in [step for step in self.progress.due() if not step.needs]:
            execution = self._steps.made(step, {}, lead, None, self.log_of(step.name))
            await execution.agent.prepare(execution.input)
            self._steps.executions.budgets.reserve(execution.receipt.grant)
            execution.receipt.close()

    def log_of(self, step: str) -> StepLog:
        return StepLog(step, self.log, self._step_ended)

    def own(self, step: str, execution: Execution) -> None:
        """A step of its begins, or is to go on."""
        self._running[step] = execution
        execution.on_end = lambda ended: self._step_left(step, ended)

    def reopen(self) -> None:
        self.recoveries += 1
        for execution in self._running.values():
            execution.carry(self._saved())
            execution.reopen()

    def interrupt(self, problem: Problem) -> None:
        """After a restart: what ran fails, and the rest goes on without it, if there is any."""
        if not self._running:
            self.fail(problem)
        for step, execution in list(self._running.items()):
            execution.fail(problem)
            self._step_left(step, execution)

    def tell(self, step: str, *writes: Write, metadata: dict[str, Any] | None = None) -> None:
        """The `step` event of its new state, with the rows that say the same."""
        self.log.append(self.progress.event(step, metadata), *writes, self._saved())

    async def _write(self) -> None:
        """Begin whatever is due, until nothing is due and nothing runs."""
        try:
            for execution in list(self._running.values()):
                self._begin(execution)
            while (due := self.progress.due()) or self._running or self._closing:
                self._news.clear()
                if due and not self._closing:
                    await self._begin_all(due)
                else:
                    await self._news.wait()
            self._append_end(self.progress.outcome())
        finally:
            for execution in list(self._running.values()):
                execution.break_off(Interrupted("Its workflow has ended."))

    async def _begin_all(self, due: list[Step]) -> None:
        """Each with an equal share of what is left: together they cannot spend more."""
        await self.log.settled()  # what they need is to be found in the store
        share = self._steps.share_usd(self._running.values(), len(due))
        for step in due:
            try:
                execution = await self._ready(step, share)
            except (Conflict, TooMany) as refused:
                self._skip(step.name, refused.detail, cut=refused.retryable)
            except Problem as problem:
                self._fail_step(step.name, problem)
            except Exception:
                logger.exception("step %s cannot begin", step.name)
                self._fail_step(step.name, Problem("Something went wrong inside Leadstream."))
            else:
                if execution is not None:
                    self._start(step.name, execution)

    async def _ready(self, step: Step, share: Decimal | None) -> Execution | None:
        """Its execution; None where it is not to begin. Raises the Problem that prevents it."""
        if (why := self.progress.obstacle(step)) is not None:
            self._skip(step.name, why)
            return None
        if share is not None and share <= 0:
            self._skip(step.name, STOPPED["budget"], cut=True)
            return None
        lead, log = await self._steps.lead(), self.log_of(step.name)
        execution = self._steps.made(step, self.progress.results, lead, share, log)
        await execution.agent.prepare(execution.input)
        if self._closing:
            return None
        self._steps.executions.budgets.reserve(execution.receipt.grant)
        return execution

    def _start(self, step: str, execution: Execution) -> None:
        self.progress.start(step, execution.execution_id)
        self.own(step, execution)
        self.tell(step, *self._steps.opening(execution))
        self._begin(execution)

    def _begin(self, execution: Execution) -> None:
        self._steps.executions.on_begun(execution)
        execution.run()

    def _step_ended(self, step: str, event: Event, writes: tuple[Write, ...]) -> None:
        """Its terminal event, which stands for itself nowhere but in the step's new state."""
        self.recoveries = 0
        self.progress.end(step, event)
        self.tell(step, *writes, metadata=event["metadata"])

    def _step_left(self, step: str, execution: Execution) -> None:
        """Its task is over."""
        self._running.pop(step, None)
        self._steps.executions.on_ended(execution)
        self._news.set()

    def _skip(self, step: str, why: str, *, cut: bool = False) -> None:
        self.progress.skip(step, why, cut=cut)
        self.tell(step)

    def _fail_step(self, step: str, problem: Problem) -> None:
        self.progress.fail(step, problem.described())
        self.tell(step)

    def _append_end(self, event: Event) -> None:
        """The terminal event; a step that has not ended ends before it."""
        why = event["error"]["message"] if "error" in event else STOPPED["requested"]
        for step, _ in list(self.progress.open()):
            self._skip(step, why, cut=True)
        self.receipt.close()
        event = {**event, "metadata": self.receipt.metadata()}
        self.result.take(event)
        self.log.append(event, *self._ended_rows(event))

    def _epitaph(self, problem: Problem) -> tuple[Event, list[Write]]:
        if self._task is not None:
            self._task.cancel()
        self.receipt.close()
        metadata = self.receipt.metadata()
        event = {"type": "error", "error": problem.described(), "metadata": metadata}
        return event, self._ended_rows(event)

    def _ended_rows(self, event: Event) -> list[Write]:
        outcome = {
            "status": _STATUS_OF[event["type"]],
            "steps": msgspec.to_builtins(self.progress.steps),
            "error": event.get("error"),
            "metadata": event["metadata"],
        }
        return workflows.ended(self.stream_id, outcome, datetime.now(UTC))

    def _saved(self) -> Write:
        steps = msgspec.to_builtins(self.progress.steps)
        return workflows.progressed(self.stream_id, steps, self.recoveries)

    async def _cancel(self) -> None:
        """All steps at once, each closing its vendor, and only then the end of the whole."""
        self._closing = True
        reason, running = self._stopping, list(self._running.values())
        await asyncio.gather(*(e.stop(reason) if reason else e.leave() for e in running))
        await super()._cancel()
