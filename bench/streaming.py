"""Scenarios of streaming: paced, burst, and one stream after the other, each for one rival."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.reader import Told, read
from bench.rivals import LEADSTREAM, SHORT, Rival, Standing, standing

GAP_MS = 37
"""27 tokens a second: what people read, and models used to write."""


@dataclass(frozen=True)
class Load:
    """So many streams at once, of so many tokens, one every `gap_ms`; 0: as fast as it goes."""

    name: str
    streams: int
    tokens: int
    gap_ms: float
    ramp_s: float = 0
    in_memory: bool = False
    """Whether the database is not on a disk."""
    turns: int = 1
    """So many times, one after the other: what is over too soon to be measured once."""

    @property
    def model(self) -> str:
        return f"bench-n{self.tokens}-i{self.gap_ms:g}"


@dataclass(frozen=True)
class Figures:
    """What one load cost one rival. Ages are those of tokens on arrival."""

    rival: str
    load: str
    cpu_us_per_token: float
    tokens: int
    expected: int
    lost: int
    doubled: int
    age_p50_ms: float
    age_p99_ms: float
    first_p50_ms: float
    first_p99_ms: float
    rss_kib_per_stream: float


def measure(rival: Rival, load: Load, folder: Path, vendor: int) -> Figures:
    """One rival under one load, in a process of its own that has been warmed up."""
    settings = {"max_streams": max(400, load.streams), "max_followers": max(2000, load.streams)}
    with standing(rival, folder, vendor, load.model, **settings) as there:
        warm_up(there)
        before, rss = there.process.cpu_s(), there.process.rss_kib()
        asked = {"streams": load.streams, "ramp_s": load.ramp_s, "within_s": 180}
        told: list[Told] = []
        for _ in range(load.turns):
            told += uvloop.run(read(there.url, **asked, **there.request))
        return figures(there, load, told, there.process.cpu_s() - before, rss)


def warm_up(there: Standing, streams: int = 40) -> None:
    """The first answers pay for imports, connections and caches: short ones, to their ends."""
    body, headers = there.rival.body(SHORT), dict(there.rival.headers)
    uvloop.run(read(there.url, streams=streams, body=body, headers=headers, ramp_s=1, within_s=60))


def figures(
    there: Standing, load: Load, told: Sequence[Told], cpu_s: float, rss_kib: float
) -> Figures:
    tokens = sum(one.tokens for one in told)
    ages = sorted(age for one in told for age in one.ages_us)
    firsts = sorted(one.first_us - one.asked_us for one in told if one.first_us)
    numbered = there.rival is LEADSTREAM
    return Figures(
        rival=there.rival.name,
        load=load.name,
        cpu_us_per_token=cpu_s * 1e6 / max(1, tokens),
        tokens=tokens,
        expected=load.streams * load.tokens * load.turns,
        lost=sum(one.lost for one in told) if numbered else 0,
        doubled=sum(one.doubled for one in told) if numbered else 0,
        age_p50_ms=percentile(ages, 50) / 1000,
        age_p99_ms=percentile(ages, 99) / 1000,
        first_p50_ms=percentile(firsts, 50) / 1000 - load.gap_ms,
        first_p99_ms=percentile(firsts, 99) / 1000 - load.gap_ms,
        rss_kib_per_stream=(there.process.rss_kib() - rss_kib) / len(told),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of an ordered sequence; 0 of none."""
    if not ordered:
        return 0
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def medians(rounds: Iterable[Figures]) -> Figures:
    """The median of every figure; what must be whole is the worst."""
    found = list(rounds)

    def of(take: Callable[[Figures], float]) -> float:
        return statistics.median(map(take, found))

    return Figures(
        rival=found[0].rival,
        load=found[0].load,
        cpu_us_per_token=of(lambda f: f.cpu_us_per_token),
        tokens=min(f.tokens for f in found),
        expected=found[0].expected,
        lost=max(f.lost for f in found),
        doubled=max(f.doubled for f in found),
        age_p50_ms=of(lambda f: f.age_p50_ms),
        age_p99_ms=of(lambda f: f.age_p99_ms),
        first_p50_ms=of(lambda f: f.first_p50_ms),
        first_p99_ms=of(lambda f: f.first_p99_ms),
        rss_kib_per_stream=of(lambda f: f.rss_kib_per_stream),
    )
