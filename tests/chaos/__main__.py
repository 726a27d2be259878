"""`python -m tests.chaos [--rounds N] [--seed S] [--only N] [--soak NAME]`: see CONTRIBUTING.md."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path
from random import SystemRandom

from tests.chaos import report
from tests.chaos.plans import Plan
from tests.chaos.rounds import Round
from tests.chaos.sabotages import SABOTAGES
from tests.chaos.soak import SOAKS, soak
from tests.chaos.verdict import Count, judge


def main():
    said = _parser().parse_args()
    if said.soak:
        return soak(SOAKS if said.soak == "all" else [said.soak])
    seed = said.seed or str(SystemRandom().randrange(10**6))
    print(f"seed {seed}", flush=True)
    if said.only is not None:
        return _one(seed, said.only, said.sabotage)[2] != []
    found, bad = _rounds(seed, said.rounds, said.sabotage)
    if said.sabotage != "none":
        tried = {"rounds": said.rounds, "failed": bad, "seed": seed}
        report.save(sabotages=report.load().get("sabotages", {}) | {said.sabotage: tried})
        return bad * 10 < said.rounds
    report.save(kills=found.kept())
    print(report.sentence(found.kept()))
    return bad


def _rounds(seed, wanted, sabotage):
    """Rounds until so many have hit a running stream; the report and how many went wrong."""
    found, bad = report.Report(seed), 0
    for number in count():
        played, counted, faults = _one(seed, number, sabotage)
        bad += bool(faults)
        if faults or played.kills:
            found.take(played, counted)
        else:
            found.missed += 1
        if found.rounds == wanted:
            return found, bad


def _one(seed, number, sabotage):
    folder = Path(tempfile.mkdtemp(prefix="leadstream-chaos-"))
    played = Round(Plan.of(seed, number), folder, sabotage)
    try:
        asyncio.run(played.play())
        counted, faults = judge(played)
    except Exception as error:
        counted, faults = Count(), [f"the round did not end: {error!r}"]
    died = ", ".join(f"{point} ({running} ran)" for point, running in played.kills)
    print(f"round {number}: {died or 'hit nothing'}", flush=True)
    if faults:
        again = f"python -m tests.chaos --seed {seed} --only {number}"
        print(*faults[:20], f"What is left is in {folder}. Again: {again}", sep="\n  ", flush=True)
    else:
        shutil.rmtree(folder)
    return played, counted, faults


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", help="of another run, to see the same again")
    parser.add_argument("--only", type=int, metavar="N", help="this round alone")
    parser.add_argument("--sabotage", choices=SABOTAGES, default="none", help="it should fail")
    parser.add_argument("--soak", choices=("all", *SOAKS), help="thousands at once, instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
