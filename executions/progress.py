"""Progress: how far a started workflow has come. Pure: it says what is due, and runs nothing."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from executions.workflow import Step, Workflow, in_attributes

State = Literal["pending", "started", "done", "failed", "skipped"]

_OPEN = ("pending", "started")

STOPPED = {
    "requested": "It was stopped.",
    "abandoned": "Nobody followed it any more, so it was stopped.",
    "budget": "The budget of the workflow is spent.",
}


class StepState(msgspec.Struct):
    """One step as it is stored. `cut`: nothing of its own kept it from its end, so it is worth
    another try. `reused`: an earlier start of the workflow has finished it."""

    state: State = "pending"
    why: str | None = None
    execution_id: str | None = None
    error: dict[str, Any] | None = None
    cut: bool = False
    reused: bool = False


class Progress:
    """`steps` by name, in the order of the definition; `results` of those that are done."""

    def __init__(self, workflow: Workflow, steps: dict[str, StepState] | None = None) -> None:
        self.workflow = workflow
        self.steps = steps or {step.name: StepState() for step in workflow.steps}
        self.results: dict[str, Any] = {}

    def due(self) -> list[Step]:
        """Steps whose turn it is: whatever they need has ended, well or not."""
        return [
            step
            for step in self.workflow.steps
            if self.steps[step.name].state == "pending"
            and all(self.steps[need].state not in _OPEN for need in step.needs)
        ]

    def obstacle(self, step: Step) -> str | None:
        """Why a step that is due is skipped, for people; None where its way is free."""
        for need in step.needs:
            before = self.steps[need]
            if before.state == "failed":
                return f"It needs {need}, which failed: {before.why}"
            if before.state == "skipped":
                return before.why
        found = in_attributes(self.results)
        return None if step.when(found) else step.otherwise.format(**vars(found))

    def start(self, name: str, execution_id: str) -> None:
        self.steps[name] = StepState("started", execution_id=execution_id)

    def skip(self, name: str, why: str, *, cut: bool = False) -> None:
        step = self.steps[name]
        step.state, step.why, step.cut = "skipped", why, cut

    def fail(self, name: str, error: dict[str, Any]) -> None:
        step = self.steps[name]
        step.state, step.why, step.error = "failed", error["message"], error

    def end(self, name: str, event: dict[str, Any]) -> None:
        """What the terminal event of an agent comes to."""
        if event["type"] == "complete":
            self.steps[name].state = "done"
            self.results[name] = event["result"]
        elif event["type"] == "error":
            self.fail(name, event["error"])
        else:
            self.skip(name, STOPPED[event["reason"]], cut=True)

    def event(self, name: str, metadata: dict[str, Any] | None) -> dict[str, Any]:
        """The `step` event of its present state."""
        state = msgspec.structs.asdict(self.steps[name])
        event = {"type": "step", "step": name, **state, "metadata": metadata}
        return event | {"result": self.results.get(name)}

    def open(self) -> Iterator[tuple[str, StepState]]:
        """Steps that have not ended."""
        return ((name, step) for name, step in self.steps.items() if step.state in _OPEN)

    def outcome(self) -> dict[str, Any]:
        """The terminal event, but for its metadata, when nothing is due any more."""
        if not self._in("done"):
            if failed := self._in("failed"):
                return {"type": "error", "error": self.steps[failed[0]].error}
            if any(step.cut for step in self.steps.values()):
                return {"type": "stopped", "reason": "budget"}
        steps = {
            name: {"state": step.state, "why": step.why, "result": self.results.get(name)}
            for name, step in self.steps.items()
        }
        return {"type": "complete", "result": {"steps": steps, "failed": self._in("failed")}}

    @property
    def unfinished(self) -> bool:
        """Whether another start could come further."""
        return any(s.state in (*_OPEN, "failed") or s.cut for s in self.steps.values())

    def again(self) -> "Progress":
        """What another start begins with: all that is done, and nothing else."""
        kept = {
            name: StepState("done", execution_id=step.execution_id, reused=True)
            if step.state == "done"
            else StepState()
            for name, step in self.steps.items()
        }
        return Progress(self.workflow, kept)

    def _in(self, state: State) -> list[str]:
        return [name for name, step in self.steps.items() if step.state == state]
