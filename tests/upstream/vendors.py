"""Fake vendors on one real socket: what every test that needs a model's provider talks to.

    with FakeVendors() as vendors:
        vendors.url                    # http://127.0.0.1:PORT
        vendors.base_url("cerebras")   # as the vendor's SDK takes it: …/cerebras/v1
        vendors.env()                  # base URLs and keys by their variables, for a subprocess;
                                       # `Settings(**vendors.env())` takes them too

        vendors.says("claude", ["Hello", " Ada"], pace_s=0.01, output_tokens=2)
        vendors.says("claude", lambda body: […])          # words that depend on the request
        vendors.fails("claude", Status(529), CutAfter(3)) # the next two attempts, then as before
        vendors.breaks("claude", Status(500))             # every attempt after those …
        vendors.breaks("claude", None)                    # … until it is well again

        vendors.attempts               # one record for each request, in order: records.Attempt
        vendors.attempts_at("claude")  # of one vendor
        vendors.open_sockets           # connections with a request in progress
        vendors.connections            # open connections, idle ones in a client's pool included
        vendors.wait_for(lambda: vendors.attempts_at("claude")[0].pieces_sent == 20)
        await vendors.until(…)         # the same, for who shares a loop with the client
        vendors.release()              # what holds now goes on

The vendors are `claude`, `cerebras`, `deepseek` and `ollama`. Faults are in `faults` and
`oddities`; `catalogue.EVERY` has one of each by name, `applies(fault, vendor)` says who can show
it. Ports that refuse, that never answer and that cannot be trusted are in `addresses`.

The server has its own thread and its own loop, so sync tests, async tests and other processes can
talk to it alike. A record may change a moment after the client has read the last byte: wait for
what you assert. They refuse what a real vendor would: no key (401), no `max_tokens` at Claude, no
`"stream": true` (400); the ordered faults are kept for the next attempt. A mistake in what was
ordered (a fault after 20 pieces of an answer of four) is raised when the `with` block ends: it must
not look like a fault of the client.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from tests.upstream.claude import Claude
from tests.upstream.exchange import Exchange
from tests.upstream.faults import Fault, applies
from tests.upstream.ollama import Ollama
from tests.upstream.openai_chat import Cerebras, DeepSeek
from tests.upstream.records import Answer, Attempt, Pieces
from tests.upstream.script import Reply, Request, Script
from tests.upstream.server import Server
from tests.upstream.voice import Voice

VOICES: dict[str, type[Voice]] = {v.vendor: v for v in (Claude, Cerebras, DeepSeek, Ollama)}
_SUFFIX = {"cerebras": "/v1", "deepseek": "/v1"}
_VARIABLE = {"claude": "ANTHROPIC"}


class FakeVendors:
    """See the module. One instance is one server; it is entered once."""

    def __init__(self) -> None:
        self.url = ""
        self._answers = {name: _greeting(name) for name in VOICES}
        self._next: dict[str, deque[Fault]] = {name: deque() for name in VOICES}
        self._always: dict[str, Fault | None] = dict.fromkeys(VOICES)
        self._exchanges: list[Exchange] = []
        self._changes = threading.Condition()
        self._port: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, name="fake vendors", daemon=True)

    # What they do.

    def says(self, vendor: str, pieces: Pieces, **answer: Any) -> None:
        """From now on, until told otherwise; `answer` has the other fields of `records.Answer`."""
        with self._changes:
            self._answers[vendor] = Answer(pieces=pieces, **answer)

    def fails(self, vendor: str, *faults: Fault) -> None:
        """The next attempts, one fault each. Raises ValueError where it cannot show one."""
        self._check(vendor, *faults)
        with self._changes:
            self._next[vendor].extend(faults)

    def breaks(self, vendor: str, fault: Fault | None) -> None:
        """Every attempt after those that `fails` ordered; None: it is well again."""
        if fault:
            self._check(vendor, fault)
        with self._changes:
            self._always[vendor] = fault

    def release(self) -> None:
        """What is in progress goes on from where it holds, or will not hold at all."""
        for exchange in self._exchanges:
            if exchange.attempt.open:
                self._loop.call_soon_threadsafe(exchange.released.set)

    # Where they are.

    def base_url(self, vendor: str) -> str:
        return f"{self.url}/{vendor}{_SUFFIX.get(vendor, '')}"

    def env(self) -> dict[str, str]:
        """Base URL and key of every vendor, by the names their users know."""
        variables = {}
        for vendor in VOICES:
            prefix = _VARIABLE.get(vendor, vendor.upper())
            variables[f"{prefix}_BASE_URL"] = self.base_url(vendor)
            if vendor != "ollama":
                variables[f"{prefix}_API_KEY"] = f"fake-{vendor}-key"
        return variables

    # What came of it.

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(exchange.attempt for exchange in self._exchanges)

    def attempts_at(self, vendor: str) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.vendor == vendor)

    @property
    def open_sockets(self) -> int:
        return sum(attempt.open for attempt in self.attempts)

    @property
    def connections(self) -> int:
        return self._server.connected

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 5) -> None:
        """Block until the records make it true; an IndexError means not yet.

        Raises AssertionError after `timeout_s`.
        """

        def met() -> object:
            with contextlib.suppress(IndexError):
                return condition()
            return False

        with self._changes:
            if not self._changes.wait_for(met, timeout_s):
                raise AssertionError(f"not within {timeout_s} s; attempts: {self.attempts}")

    async def until(self, condition: Callable[[], object], timeout_s: float = 5) -> None:
        """As `wait_for`, while this loop goes on."""
        await asyncio.to_thread(self.wait_for, condition, timeout_s)

    # The server's thread.

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._port.result(timeout=5)}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=5)
        if self._thread.is_alive():
            raise RuntimeError("the fake vendors do not stop")
        failures = [exchange.failure for exchange in self._exchanges if exchange.failure]
        if failures and error is None:
            raise failures[0]

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = Server(self._respond, self._changed)
        await self._server.run(self._port.set_result, self._stop)

    def _changed(self) -> None:
        with self._changes:
            self._changes.notify_all()

    def _respond(self, request: Request, connection: int) -> tuple[Exchange, Script]:
        """Called in the server's thread, once for each request."""
        vendor, path = _address(request)
        attempt = Attempt(
            vendor=vendor,
            path=path,
            headers=request.headers,
            body=_json(request.body),
            connection=connection,
            opened_s=time.monotonic(),
        )
        if path not in getattr(VOICES.get(vendor), "paths", ()):
            return Exchange(attempt, 0, self._changed), [_nowhere(request)]
        with self._changes:
            answer = self._answers[vendor]
            voice = VOICES[vendor](answer, request, attempt.body, len(self._exchanges) + 1)
            exchange = Exchange(attempt, answer.pace_s, self._changed)
            self._exchanges.append(exchange)
            self._changes.notify_all()
            if complaint := voice.complaint():
                return exchange, [complaint]
            attempt.fault = fault = self._fault(vendor)
            return exchange, fault.script(voice) if fault else voice.whole()

    def _fault(self, vendor: str) -> Fault | None:
        waiting = self._next[vendor]
        return waiting.popleft() if waiting else self._always[vendor]

    def _check(self, vendor: str, *faults: Fault) -> None:
        for fault in faults:
            if not applies(fault, vendor):
                raise ValueError(f"{vendor} cannot show {fault}")


def _greeting(vendor: str) -> Answer:
    return Answer(pieces=("Hello", " from", f" {vendor}", "."))


def _address(request: Request) -> tuple[str, str]:
    """`/claude/v1/messages?beta=true` → claude, /v1/messages."""
    _, vendor, *rest = request.path.partition("?")[0].split("/", 2)
    return vendor, "/" + "".join(rest)


def _json(body: bytes) -> dict[str, Any]:
    """The request's object; what is no object is refused as an empty one is."""
    with contextlib.suppress(ValueError):
        value = json.loads(body)
        if isinstance(value, dict):
            return value
    return {}


def _nowhere(request: Request) -> Reply:
    told = f"no vendor answers {request.method} {request.path}\n"
    return Reply(404, "text/plain", told.encode())
