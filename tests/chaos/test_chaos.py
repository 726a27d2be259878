"""A short chaos: two rounds, what they must notice, and what the README says."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.dying import Death
from tests.chaos.plans import Plan
from tests.chaos.rounds import Round
from tests.chaos.verdict import judge

README = Path(__file__).parents[2] / "README.md"
AT_ONCE = Death("inside commit", 3, begun=6)
TAKING_UP, GOING_ON = Death("taking up", 2), Death("going on", 2)
IN_RECOVERY = (GOING_ON, TAKING_UP, GOING_ON, TAKING_UP, TAKING_UP)


def played(tmp_path, seed, deaths, sabotage="none"):
    plan = Plan.of(seed, 0, streams=6)
    plan = Plan(plan.seed, plan.streams, deaths)
    return asyncio.run(Round(plan, tmp_path, sabotage).play())


@pytest.mark.parametrize(
    "deaths",
    [
        (AT_ONCE, *IN_RECOVERY),
        (Death("outside", 3, begun=6), Death("taking up", 2), Death("at the end", 1)),
    ],
    ids=["five times in recovery", "outside, in recovery and at the end"],
)
def test_a_server_that_is_killed_again_and_again_loses_nothing_and_prices_nothing_twice(
    tmp_path, deaths
):
    round_ = played(tmp_path, "short", deaths)
    assert round_.kills, "no stream was running: the round shows nothing"
    count, faults = judge(round_)
    assert faults == []
    assert count.terminal_events == len(round_.streams) == 6
    for stream in round_.streams:
        assert stream.log.count(b'"reason":"recovered"') <= len(round_.kills)
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_a_server_that_shows_what_is_not_on_the_disk_is_found_out(tmp_path):
    """Or the rounds above would prove nothing."""
    round_ = played(tmp_path, "short", (AT_ONCE, AT_ONCE), "wake before commit")
    count, faults = judge(round_)
    assert count.unequal > 0
    assert faults


def test_a_stream_that_ends_twice_is_found_out(tmp_path):
    round_ = played(tmp_path, "short", (), "two ends")
    assert any("terminal events" in fault for fault in judge(round_)[1])


def test_the_readme_says_what_was_found_and_nothing_was_lost():
    kept = report.load()
    assert report.clean(kept["kills"])
    assert kept["kills"]["rounds"] >= 100
    assert kept["kills"]["terminal_events"] == kept["kills"]["streams"]
    assert report.sentence(kept["kills"]) in " ".join(README.read_text().split())
    sabotage = kept["sabotages"]["wake before commit"]
    assert sabotage["failed"] * 10 >= sabotage["rounds"]
