"""`python -m tests.chaos --soak NAME`: thousands at once, by hand; the figures go into the file."""

import asyncio
import tempfile
from pathlib import Path

from tests.chaos import crowds, load, report
from tests.serving import serve

SOAKS = {
    "readers": lambda server: crowds.cut_readers(server, 1000, seed="soak"),
    "resets": lambda server: crowds.vanishing_clients(server, 500),
    "streams": lambda server: crowds.short_streams(server, 10_000),
    "idle": lambda server: load.idle(server, 2000, 60),
    "overload": lambda server: load.overload(server, 20, 60),
}

SETTINGS = {"overload": {"max_streams": 20}, "idle": {"idle_timeout_s": 900}}


def soak(names):
    """Run these, each against a server of its own."""
    for name in names:
        patient = {"first_token_timeout_s": 900} | SETTINGS.get(name, {})
        with (
            tempfile.TemporaryDirectory() as folder,
            serve(Path(folder), **patient) as server,
        ):
            found = asyncio.run(SOAKS[name](server))
        print(name, found, flush=True)
        report.save(soaks=report.load().get("soaks", {}) | {name: found})
