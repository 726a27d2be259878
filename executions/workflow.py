"""A Workflow: which agents work on a lead, in what order, and what must have come out before.

It is a value, and whoever writes one writes it in a file of `executions/workflows/`. Steps that
need nothing of each other run at once. A change of what runs is a new version: what was started
under the old one keeps it.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from types import SimpleNamespace
from typing import Any

from streams import sse

Results = Any
"""Results by step, as attributes: `results.qualification.score`."""


@dataclass(frozen=True)
class Step:
    """One agent's part, named after its agent."""

    name: str
    _: KW_ONLY
    needs: Sequence[str] = ()
    """Steps whose results must be there before it begins."""
    when: Callable[[Results], bool] = lambda found: True
    """The gate: it is asked once, when everything that it needs is there."""
    otherwise: str = "Its condition does not hold."
    """What people are told when the gate is closed; `{qualification.score}` is filled in."""
    input: Callable[[Results], dict[str, Any]] = lambda found: {}
    """What of the results its agent is handed, beside what the caller says."""


@dataclass(frozen=True)
class Workflow:
    """Raises ValueError for steps that cannot be put in an order."""

    name: str
    version: int
    steps: Sequence[Step]
    _: KW_ONLY
    budget_usd: Decimal | None = None
    """The most that all steps together may cost, unless the caller names another sum."""
    about: str = ""

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        needed = {need for step in self.steps for need in step.needs}
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a step stands in it twice, of {', '.join(names)}")
        if unknown := needed - set(names):
            raise ValueError(f"{self.name}: no step is called {', '.join(sorted(unknown))}")
        try:
            TopologicalSorter({step.name: step.needs for step in self.steps}).prepare()
        except CycleError as error:
            raise ValueError(f"{self.name}: {' needs '.join(error.args[1])}") from None

    def unknown(self, agents: Collection[str]) -> list[str]:
        """Steps that are named after no agent."""
        return [step.name for step in self.steps if step.name not in agents]

    @property
    def shape(self) -> list[dict[str, Any]]:
        """What is stored of it, and shown: the steps, and what each needs."""
        return [{"step": step.name, "needs": list(step.needs)} for step in self.steps]


def in_attributes(value: Any) -> Any:
    """JSON as attributes, for gates to read."""
    return json.loads(sse.to_json(value), object_hook=lambda found: SimpleNamespace(**found))
