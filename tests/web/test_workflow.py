"""A workflow as the list of its steps."""

import pytest

from tests.serving import script, words
from tests.workflows.dropped import BLUNT, says, serve_trial, start


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    with serve_trial(tmp_path_factory.mktemp("trial"), **BLUNT) as server:
        assert server.http.post("/api/leads/demo").status_code == 201
        yield server


def states(desk):
    """The steps in their order, each with its state."""
    return desk.browser.run(
        """return [...document.querySelectorAll(".steps .step")].map(
             (e) => [e.querySelector("b").innerText, e.querySelector(".word").innerText])"""
    )


def test_a_workflow_is_started_like_an_agent_and_shows_every_step(at, trial):
    desk = at(trial.url).open("#/leads/demo_01")
    desk.choose("trial").start()
    desk.sees("Done", ".status")
    assert states(desk) == [[n, "done"] for n in ("Find", "Judge", "Write", "Draw", "Close")]


def test_steps_that_run_at_once_write_at_once_and_a_stop_ends_both(at, trial):
    slow = {step: says(words(400), pace_ms=20) for step in ("write", "draw")}
    desk = at(trial.url).open(f"#/streams/{start(trial, input=slow)['stream_id']}")
    for nth in (3, 4):
        desk.sees("w2", f".steps > li:nth-child({nth})")
    assert states(desk)[2:] == [["Write", "started"], ["Draw", "started"], ["Close", "waiting"]]
    desk.browser.click(".stop")
    desk.sees("Stopped", ".status")


def test_a_step_that_is_skipped_says_why_in_words_for_people(at, trial):
    desk = at(trial.url).open(
        f"#/streams/{start(trial, input={'judge': {'score': 40}})['stream_id']}"
    )
    desk.sees("Done", ".status")
    assert desk.sees("A score of 60 is needed, 40 was found.", ".steps .is-skipped")
    assert [state for _, state in states(desk)] == ["done", "done", *["skipped"] * 3]


def test_a_replayed_workflow_knows_whose_it_is_and_what_each_step_said(at, trial):
    told = start(trial, lead_id="demo_02", input={"find": {"script": script("found it")}})
    desk = at(trial.url).open(f"#/streams/{told['stream_id']}")
    desk.sees("Done", ".status")
    desk.sees("Ingrid", "main h1")
    desk.browser.click(".steps summary", "Find")
    desk.sees("found it", ".steps")
