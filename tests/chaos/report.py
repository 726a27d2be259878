"""What was found, as docs/chaos.json has it, and as a sentence that the README repeats."""

import json
import platform
import sqlite3
import tomllib
from dataclasses import asdict
from pathlib import Path

from tests.chaos.verdict import FAULTS, Count

FILE = Path(__file__).parents[2] / "docs" / "chaos.json"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


class Report:
    """Adds up rounds; `kept()` is what goes into the file, beside what was there."""

    def __init__(self, seed):
        self.seed = seed
        self.rounds = 0
        self.missed = 0
        """Rounds that hit no running stream: they do not count."""
        self.points = {}
        self.count = Count()

    def take(self, played, count):
        self.rounds += 1
        self.count += count
        for point, _ in played.kills:
            self.points[point] = self.points.get(point, 0) + 1

    def kept(self):
        return {
            "rounds": self.rounds,
            "rounds_that_hit_nothing": self.missed,
            **asdict(self.count),
            "killed_at": dict(sorted(self.points.items())),
            "seed": self.seed,
            "versions": {
                "leadstream": tomllib.loads(PROJECT.read_text())["project"]["version"],
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
            },
        }


def load():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def save(**parts):
    """Replace these parts of the file."""
    FILE.write_text(json.dumps(load() | parts, indent=2) + "\n")


def sentence(kills):
    """What the README says, from the part `kills` of the file."""
    return (
        f"In {kills['rounds']} rounds the server was killed {kills['kills']:,} times while"
        f" {kills['streams']:,} streams ran. {kills['readers']:,} readers came back"
        f" {kills['reconnects']:,} times: {kills['lost']} events lost, {kills['doubled']} doubled,"
        f" {kills['gaps']} gaps, {kills['terminal_events']:,} terminal events,"
        f" {kills['cost_mismatch']} costs that differ from what the vendors sent."
    )


def clean(kills):
    return all(kills[name] == 0 for name in FAULTS)
