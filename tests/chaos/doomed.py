"""The server in a process that dies at a point, started again as often as a round wants.

Each life is a process of its own, forked off one that has imported everything: a fresh interpreter
would spend two seconds on the vendors' SDKs each time, and nothing of ours happens at import.
"""

import multiprocessing
import re
import time

import httpx

from tests.chaos import dying
from tests.reading import PATIENCE_S
from tests.serving import Leadstream, environment
from tests.vendors.running import NAMES, NO_BREAKER

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.chaos.dying", "anthropic", "openai", "genai_prices"])

LISTENS = re.compile(r"listens on (http://127\.0\.0\.1:(\d+))")
TOLD = {"providers": NAMES, "retry_base_s": 0.02, "breaker_threshold": NO_BREAKER}


class Doomed(Leadstream):
    """`variables` lead to the vendors; `sabotage` names one of `SABOTAGES`."""

    def __init__(self, folder, sabotage, **settings):
        super().__init__(folder, **settings)
        self.variables = {}
        self.sabotage = sabotage

    def live(self, death):
        """Return when it listens, the second time on the same port, or is dead already."""
        told = environment(self.database.parent, port=self.port, **TOLD, **self.settings)
        log = self.database.with_name("server.log")
        log.touch()
        lives = len(LISTENS.findall(self.logged()))
        self.process = FORKED.Process(
            target=dying.live,
            args=(death, self.sabotage, told | self.variables, str(log)),
            daemon=True,
        )
        self.process.start()
        patience = time.monotonic() + 6 * PATIENCE_S
        while self.process.is_alive():
            if len(found := LISTENS.findall(self.logged())) > lives:
                self.url, self.port = found[-1][0], int(found[-1][1])
                self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)
                return
            assert time.monotonic() < patience, self.logged()[-2000:]
            time.sleep(0.01)
        assert self.process.exitcode == -9, self.logged()[-2000:]

    def gone(self):
        self.process.join(PATIENCE_S)
        if self.http is not None:
            self.http.close()
        return self.process.exitcode
