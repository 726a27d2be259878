"""The steps of a started workflow as executions: what each is given, and what it may spend."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from errors import NotFound
from executions.execution import Execution
from executions.executions import Build, Executions, row_of
from executions.start import Start, StartOptions, checked
from executions.workflow import Step, in_attributes
from routing.receipt import Receipt, spent_usd
from store import executions as table
from store import ids, leads
from store.database import Write
from streams.log import Log


@dataclass(frozen=True)
class Steps:
    """Makes executions. `asked.input` is by step; `receipt` is the bill of them all."""

    executions: Executions
    asked: Start
    receipt: Receipt

    async def lead(self) -> dict[str, Any]:
        """The lead as it is now: who worked before may have changed it. Raises NotFound."""
        assert self.asked.lead_id is not None
        lead = await leads.find(self.executions.database, self.asked.owner, self.asked.lead_id)
        if lead is None:
            raise NotFound("The lead is not there any more.", code="unknown_lead")
        return lead

    def made(
        self, step: Step, results: dict[str, Any], lead: Any, share_usd: Decimal | None, log: Log
    ) -> Execution:
        """A step that does not run yet. Raises a Problem where its input does not fit."""
        agent_class = self.executions.agent(step.name)
        given = step.input(in_attributes(results)) | self.asked.input.get(step.name, {})
        input_data = checked(agent_class.Input, given, f"/input/{step.name}")
        context = self.executions.context(ids.new("ex"), lead, self.asked.lead_id, self.asked.owner)
        build = Build(self._options(share_usd), agent_class, context, log, whole=self.receipt)
        return self.executions.build(build, agent_class.completed(input_data))

    def opening(self, execution: Execution) -> list[Write]:
        """The rows that its start makes true."""
        options = self._options(execution.receipt.budget_usd)
        row = row_of(execution, options, self.asked.lead_id)
        made = table.created(row, datetime.now(UTC))
        return [made, *execution.agent.opening_writes(execution.input)]

    def share_usd(self, running: Iterable[Execution], among: int) -> Decimal | None:
        """What each of so many may spend, of what the budget leaves after what is spent and what
        those that run may still spend. None without a budget."""
        if self.receipt.budget_usd is None:
            return None
        receipts = [execution.receipt for execution in running]
        theirs = {id(attempt) for receipt in receipts for attempt in receipt.attempts}
        spent = spent_usd(a for a in self.receipt.attempts if id(a) not in theirs)
        held = sum((r.budget_usd for r in receipts if r.budget_usd is not None), Decimal(0))
        return (self.receipt.budget_usd - spent - held) / among

    def _options(self, share_usd: Decimal | None) -> StartOptions:
        """Nobody follows a step alone, so nobody can abandon it."""
        update = {"max_cost_usd": share_usd, "detach": True}
        return self.asked.options.model_copy(update=update)
