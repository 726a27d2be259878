"""The page that a bench writes: tables and charts from its own results, docs/performance.md.

Every figure is of one run in which all took their turns, so ratios are what counts; absolute
figures are those of one machine on one day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from bench.streaming import Figures

BAR_PX, LINE_PX, LEFT_PX = 420, 26, 120


def page(results: Mapping[str, Any], machine: Mapping[str, str], rounds: int) -> str:
    """The whole of docs/performance.md."""
    parts = [
        HEAD.format(
            rounds="one round" if rounds == 1 else f"{rounds} rounds",
            machine=" · ".join(machine.values()),
        ),
        _glance(results["loads"]),
        *(_load(name, figures) for name, figures in results["loads"].items()),
        _house(results["house"]),
        TAIL,
    ]
    return "\n".join(parts)


HEAD = """\
# Performance

What a token costs on its way from the vendor's socket to the reader's, measured by `make bench`,
which wrote this page. Leadstream stores every event before it shows it, routes, counts and can be
resumed; the others beside it do less, and stand before the same vendor, each alone on one core.
Medians of {rounds}; in each all loads were measured, and all took turns.

{machine}
"""

TAIL = """
## How to read it

- **CPU a token** is user and system time of the server with its children, in microseconds: seconds
  for a million tokens. It falls with more streams, because one commit and one send carry more.
- **Age** is the time from the vendor's sending a token to its arrival at the reader.
- Settings are the defaults but `MAX_STREAMS` and `MAX_FOLLOWERS`; `synchronous=FULL`. Readers check
  that ids are 1, 2, 3 …: lost and doubled are counted, not assumed.
- One core holds three hundred streams. While so many start it is nearly full, and on a machine that
  is shared and slow that hour the slowest hundredth of the words may come a tenth of a second late.
  At five hundred the starts fill it: tenths of a second, and nothing is lost.
- A word waits for its commit, and a commit for the disk. How long that takes with nothing of
  Leadstream in between are the last figures above. A disk that stands still for a fifth of a
  second, once in the eighteen seconds that three hundred streams take, has made more than a
  hundredth of their words late by as much. The run with its database in memory (`/dev/shm`) has no
  such moments: what is late there is late by our own doing.
- The handler is `bench/handler.py`: Starlette, sse-starlette and the vendor's SDK, nothing stored.
- Run it on a quiet machine with two cores at least: `make bench`. For your own server, with your
  own vendors: `make load URL=http://…`.
"""


def _glance(loads: Mapping[str, Sequence[Figures]]) -> str:
    """CPU a token of everybody under every load: how it falls, and beside whom."""
    rivals = list(dict.fromkeys(f.rival for figures in loads.values() for f in figures))
    lines = [
        "## CPU a token at a glance, in µs\n",
        f"| | {' | '.join(rivals)} |",
        "|---|" + "--:|" * len(rivals),
    ]
    for name, figures in loads.items():
        found = {f.rival: f"{f.cpu_us_per_token:.1f}" for f in figures}
        lines.append(f"| {name} | {' | '.join(found.get(rival, '–') for rival in rivals)} |")
    return "\n".join(lines) + "\n"


def _load(name: str, figures: Sequence[Figures]) -> str:
    ours = next(f for f in figures if f.rival == "Leadstream")
    lines = [
        f"## {name}\n",
        f"![CPU a token, {name}](performance/{slug(name)}.svg)\n",
        "| | CPU µs a token | × Leadstream | age p50 / p99 ms | first token p50 / p99 ms |"
        " KiB a stream | tokens | lost / doubled |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for f in sorted(figures, key=lambda f: f.cpu_us_per_token):
        whole = f"{f.tokens} of {f.expected}"
        numbered = f"{f.lost} / {f.doubled}" if f.rival == "Leadstream" else "–"
        lines.append(
            f"| {f.rival} | {f.cpu_us_per_token:.1f} |"
            f" {f.cpu_us_per_token / ours.cpu_us_per_token:.2f} |"
            f" {f.age_p50_ms:.1f} / {f.age_p99_ms:.1f} |"
            f" {f.first_p50_ms:.1f} / {f.first_p99_ms:.1f} |"
            f" {f.rss_kib_per_stream:.0f} | {whole} | {numbered} |"
        )
    return "\n".join(lines) + "\n"


def _house(figures: Mapping[str, str]) -> str:
    lines = ["## Leadstream by itself\n", "| figure | |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in figures.items())])


def chart(title: str, bars: Mapping[str, float], unit: str) -> str:
    """Horizontal bars as an SVG that reads in light and dark."""
    most = max(bars.values()) or 1
    height = LINE_PX * len(bars) + 40
    rows = []
    for number, (name, value) in enumerate(bars.items()):
        y = 34 + number * LINE_PX
        width = max(1, value / most * BAR_PX)
        kind = "ours" if name == "Leadstream" else "other"
        rows.append(
            f'<text x="{LEFT_PX - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="{LEFT_PX}" y="{y}" width="{width:.1f}" height="17" rx="2"/>'
            f'<text x="{LEFT_PX + width + 6:.1f}" y="{y + 13}">{value:.1f}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT_PX + BAR_PX + 80}"'
        f' height="{height}" role="img" aria-label="{escape(title)}"><style>'
        "text{font:13px system-ui,sans-serif;fill:#444}.ours{fill:#2f6fde}.other{fill:#b3b9c4}"
        "@media(prefers-color-scheme:dark){text{fill:#ccc}.other{fill:#555d6b}}</style>"
        f'<text x="0" y="16" font-weight="600">{escape(title)}, {escape(unit)}</text>'
        f"{''.join(rows)}</svg>\n"
    )


def write(results: Mapping[str, Any], machine: Mapping[str, str], rounds: int, docs: Path) -> None:
    (docs / "performance").mkdir(exist_ok=True)
    (docs / "performance.md").write_text(page(results, machine, rounds))
    for name, figures in results["loads"].items():
        ordered = sorted(figures, key=lambda f: f.cpu_us_per_token)
        bars = {f.rival: f.cpu_us_per_token for f in ordered}
        picture = chart(f"CPU a token · {name}", bars, "µs")
        (docs / "performance" / f"{slug(name)}.svg").write_text(picture)


def slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name).lower().split())


def line(figures: Figures) -> str:
    """For the terminal, while it runs."""
    return str({k: round(v, 1) if isinstance(v, float) else v for k, v in asdict(figures).items()})
