"""An EventSource without a browser: it comes back after a drop, and never after a refusal."""

import contextlib
import http.client
import re
import time

from tests.reading import Reading


class EventSource:
    """`read()` in a thread; `body` is every whole frame that it was told, in order."""

    def __init__(self, port, path):
        self.body = b""
        self.waited = 0
        """How often it was only told when to come back."""
        self._port, self._path = port, path
        self._last = None

    def read(self):
        """Read until there is no more (204). AssertionError where a browser would give up."""
        while self._connect():
            pass

    def _connect(self):
        headers = {"Last-Event-ID": self._last} if self._last else {}
        with Reading(self._port, self._path, headers | {"Accept": "text/event-stream"}) as reading:
            if reading.status == 204:
                return False
            kind = reading.headers["content-type"].partition(";")[0]
            assert (reading.status, kind) == (200, "text/event-stream"), reading.rest()
            self._take(reading)
        if reading.body.startswith(b": wait"):
            self.waited += 1
            time.sleep(0.1)  # it says two seconds; the patience of tests is shorter
        return True

    def _take(self, reading):
        more = True
        while more:
            with contextlib.suppress(OSError, http.client.HTTPException):
                more = False
                more = bool(reading.more())
            whole = reading.body.rpartition(b"\n\n")[0]
            if numbers := re.findall(rb"(?m)^id: (\d+)$", whole):
                self._last = numbers[-1].decode()
        self.body += whole + b"\n\n" if whole else b""
