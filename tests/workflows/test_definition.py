"""What a workflow may be is said when it is written, not when it runs."""

import pytest

from executions.progress import Progress
from executions.workflow import Step, Workflow


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([Step("a"), Step("a")], "stands in it twice"),
        ([Step("a", needs=["b"])], "no step is called b"),
        ([Step("a", needs=["b"]), Step("b", needs=["a"])], "needs"),
        ([Step("a", needs=["a"])], "a needs a"),
    ],
    ids=["twice", "unknown", "cycle", "itself"],
)
def test_steps_that_have_no_order_are_refused(steps, said):
    with pytest.raises(ValueError, match=said):
        Workflow("odd", 1, steps)


def test_a_step_is_named_after_an_agent():
    workflow = Workflow("odd", 1, [Step("bdr"), Step("nobody", needs=["bdr"])])
    assert workflow.unknown({"bdr", "nobody"}) == []
    assert workflow.unknown({"bdr"}) == ["nobody"]


def test_what_needs_nothing_of_each_other_is_due_at_once():
    progress = Progress(
        Workflow(
            "w", 1, [Step("a"), Step("b"), Step("c", needs=["a"]), Step("d", needs=["b", "c"])]
        )
    )
    assert [step.name for step in progress.due()] == ["a", "b"]
    progress.start("a", "ex_a")
    assert [step.name for step in progress.due()] == ["b"]
    progress.end("a", {"type": "complete", "result": 1})
    assert [step.name for step in progress.due()] == ["b", "c"]


def test_a_gate_reads_results_by_name():
    gate = Step(
        "b",
        needs=["a"],
        when=lambda found: found.a.parts[0].score > 5,
        otherwise="Only {a.parts[0].score}.",
    )
    progress = Progress(Workflow("w", 1, [Step("a"), gate]))
    progress.end("a", {"type": "complete", "result": {"parts": [{"score": 5}]}})
    assert progress.obstacle(gate) == "Only 5."
    progress.end("a", {"type": "complete", "result": {"parts": [{"score": 6}]}})
    assert progress.obstacle(gate) is None
