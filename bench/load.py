"""`make load URL=…`: your own load test of a Leadstream that runs.

    python -m bench.load URL [--streams N] [--seconds S] [--message TEXT] [--key KEY]

Starts N conversations within S seconds, follows each to its end, and prints how long readers waited
for the first token, how long between tokens, and whether anything was lost or doubled. It costs
what its answers cost.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import uvloop

from bench.reader import Told, read
from bench.streaming import percentile

HELLO = "Tell me in five sentences how to begin a conversation with a new customer."


def main(argv: Sequence[str]) -> int:
    asked = _arguments(argv)
    headers = {"authorization": f"Bearer {asked.key}"} if asked.key else {}
    told = uvloop.run(
        read(
            f"{asked.url.rstrip('/')}/api/agents/conversation/stream",
            streams=asked.streams,
            body={"message": asked.message},
            headers=headers,
            ramp_s=asked.seconds,
            stamped=False,
            within_s=asked.within,
        )
    )
    print("\n".join(report(told)))
    return 0 if all(map(_whole, told)) else 1


def _whole(one: Told) -> bool:
    return one.status == 200 and one.ended and not one.lost and not one.doubled


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8001")
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2, help="in which they are started")
    parser.add_argument("--within", type=float, default=300, help="seconds until all must be done")
    parser.add_argument("--message", default=HELLO)
    parser.add_argument("--key", default=os.environ.get("LEADSTREAM_KEY", ""))
    return parser.parse_args(argv)


def report(told: Sequence[Told]) -> list[str]:
    answered = [one for one in told if one.status == 200]
    refused = [one.status for one in told if one.status != 200]
    firsts = sorted(one.first_us - one.asked_us for one in answered if one.first_us)
    gaps = sorted(gap for one in answered for gap in one.gaps_us)
    lines = [
        f"{len(told)} streams · {len(answered)} answered · {sum(o.ended for o in answered)} ended"
        f" · {sum(one.tokens for one in told)} tokens"
        f" · {sum(one.lost for one in told)} lost · {sum(one.doubled for one in told)} doubled",
        f"{'':24}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}",
        _row("first token, ms", firsts),
        _row("between tokens, ms", gaps),
    ]
    if refused:
        kinds = ", ".join(f"{refused.count(kind)} × {kind}" for kind in sorted(set(refused)))
        lines.append(f"refused: {kinds} (0: no answer)")
    return lines


def _row(name: str, ordered_us: Sequence[float]) -> str:
    figures = (percentile(ordered_us, percent) / 1000 for percent in (50, 90, 99, 100))
    return f"{name:24}" + "".join(f"{figure:9.1f}" for figure in figures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
