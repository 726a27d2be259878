"""`make bench`: what a token costs, beside what others pay for it.

    python -m bench [--rounds N] [--smoke] [--write]

Needs two cores to itself. Leadstream, a handler written by hand, and nginx and LiteLLM where they
are installed (`LITELLM` names its program), stand before one vendor of the bench and are measured
in turn. `--write` puts the page into docs/performance.md; `--smoke` is a run of seconds that shows
that everything works, and whose figures say nothing.
"""

import argparse
import contextlib
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench import inside, report, resident
from bench.process import OTHERS
from bench.rivals import LEADSTREAM, ROOT, Rival, here
from bench.streaming import GAP_MS, Figures, Load, measure, medians

LOADS = (
    Load("30 streams of 27 tokens/s", 30, 270, GAP_MS, ramp_s=1),
    Load("100 streams of 27 tokens/s", 100, 216, GAP_MS, ramp_s=1),
    Load("300 streams of 27 tokens/s", 300, 500, GAP_MS, ramp_s=3),
    Load("300 streams, the database in memory", 300, 500, GAP_MS, ramp_s=3, in_memory=True),
    Load("500 streams of 27 tokens/s", 500, 500, GAP_MS, ramp_s=5),
    Load("1,000 streams of 27 tokens/s", 1000, 500, GAP_MS, ramp_s=10),
    Load("2,000 open streams of 2.7 tokens/s", 2000, 100, 10 * GAP_MS, ramp_s=20),
    Load("Burst: 50 streams of 500 tokens", 50, 500, 0, turns=3),
    Load("One stream at a time", 1, 5, 0, turns=200),
)
SMOKE = (
    Load("Smoke", 4, 20, 5),
    Load("Smoke burst", 4, 50, 0),
    Load("Smoke, one at a time", 1, 5, 0, turns=5),
)

MEMORY = Path("/dev/shm")
"""A place that never stands still as disks do: what is late there is late by our own doing."""

SLOW = ("handler", "LiteLLM")
"""What a core of theirs cannot hold tells nothing: they are left out above so many streams."""
SLOW_STREAMS = 100

HOUSE = {
    "memory of a running stream of 500 tokens": "{:.0f} KiB",
    "memory of an idle follower": "{:.1f} KiB",
    "from the command to the first answer": "{:.2f} s",
    "one token to one of 1,000 followers, its socket included": "{:.1f} µs of CPU",
    "one event to one of 100 followers, no socket": "{:.2f} µs of CPU",
    "an event made durable, 1 a group": "{:.1f} µs of CPU",
    "an event made durable, 10 a group": "{:.1f} µs of CPU",
    "an event made durable, 100 a group": "{:.1f} µs of CPU",
    "the disk alone, 50 writes a second: p50": "{:.1f} ms",
    "the disk alone, 50 writes a second: p99": "{:.1f} ms",
    "the disk alone, 50 writes a second: worst": "{:.0f} ms",
}
"""What is measured of Leadstream by itself, in this order."""


def main(argv: Sequence[str]) -> int:
    asked = _arguments(argv)
    rounds = 1 if asked.smoke else asked.rounds
    rivals = [rival for rival in here() if rival.name not in asked.without]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {OTHERS})
    found: dict[str, dict[str, list[Figures]]] = {}
    house: list[Sequence[float]] = []
    with _folders() as folders, _folders(MEMORY) as in_memory, vendor() as port:
        for number in range(rounds):
            print(f"\nRound {number + 1} of {rounds}", flush=True)
            for load in SMOKE if asked.smoke else LOADS:
                place = in_memory if load.in_memory else folders
                for figures in _in_turn(load, rivals, place, port):
                    found.setdefault(load.name, {}).setdefault(figures.rival, []).append(figures)
            house.append(_house(folders, port, smoke=asked.smoke))
            print(_in_words(house[-1]), flush=True)
    loads = {name: [medians(each) for each in told.values()] for name, told in found.items()}
    if asked.write:
        by_itself = _in_words(list(map(median, zip(*house, strict=True))))
        report.write({"loads": loads, "house": by_itself}, machine(), rounds, ROOT / "docs")
    broken = [f for all_of in loads.values() for f in all_of if f.rival == LEADSTREAM.name]
    return 0 if all(f.tokens == f.expected and not f.lost and not f.doubled for f in broken) else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=(), help="rivals, as in LiteLLM")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args(argv)


@contextlib.contextmanager
def vendor() -> Iterator[int]:
    """The port of the bench's vendor."""
    command = [sys.executable, "-m", "bench.vendor", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def _folders(place: Path | None = None) -> Iterator[Iterator[Path]]:
    """Names for new folders, one after the other; not in `place` where there is no such place."""
    place = place if place and place.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        yield (Path(scratch) / str(number) for number in range(10_000))


def _in_turn(
    load: Load, rivals: Sequence[Rival], folders: Iterator[Path], port: int
) -> Iterator[Figures]:
    for rival in rivals:
        if load.streams <= SLOW_STREAMS or rival.name not in SLOW:
            figures = measure(rival, load, next(folders), port)
            print(report.line(figures), flush=True)
            yield figures


def _house(folders: Iterator[Path], port: int, *, smoke: bool) -> list[float]:
    few, tokens = (20, 20) if smoke else (1000, 200)
    folder = next(folders)
    folder.mkdir()
    return [
        resident.per_stream_kib(next(folders), port, few // 5, 20 if smoke else 500),
        resident.per_follower_kib(next(folders), port, few),
        resident.start_up_s(next(folders), port),
        resident.fan_out(next(folders), port, few, tokens),
        inside.fan_out_us(100),
        *(inside.journal_us(folder, streams, tokens) for streams in (1, 10, 100)),
        *inside.disk_ms(folder, few),
    ]


def _in_words(house: Sequence[float]) -> dict[str, str]:
    return {name: form.format(v) for (name, form), v in zip(HOUSE.items(), house, strict=True)}


def machine() -> dict[str, str]:
    """What the figures depend on; no names."""
    try:
        model = next(
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
    except (OSError, StopIteration):
        model = platform.machine()
    libraries = ("uvicorn", "starlette", "openai", "uvloop")
    return {
        "machine": f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}",
        "python": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
