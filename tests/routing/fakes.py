"""A provider that answers as it was told and keeps count, and a router on such providers."""

import asyncio
import os
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from unittest import mock

from providers.base import Finish, Provider, Text, Usage
from routing.ask import TaskType
from routing.candidates import Candidates
from routing.catalog import Model
from routing.model_router import ModelRouter
from routing.receipt import Receipt
from settings import Settings
from tests.routing.virtual_time import now

HANG = object()
"""In an answer: from here on nothing comes."""


class Pause(float):
    """In an answer: so many seconds pass."""


class Fake(Provider):
    """A real Provider. Each answer is a list: words, chunks, pauses, HANG, and faults to raise.

    The last answer is given again and again. `name` is set on the instance: a class that had one
    would be found by `load_providers`.
    """

    def __init__(self, name, *answers, models=("m",), continues=False, missing=None):
        super().__init__(None)
        self.name = name
        self.answers = answers or (whole("hello"),)
        self.listed = tuple(models)
        self.continues = continues
        self.missing = lambda settings: missing
        self.requests = []
        self.open = 0

    def missing(self):
        raise NotImplementedError

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def models(self):
        return self.listed

    @property
    def calls(self):
        return len(self.requests)

    @asynccontextmanager
    async def answer(self, request):
        script = self.answers[min(self.calls, len(self.answers) - 1)]
        self.requests.append(request)
        if callable(script):
            script = script(request)
        self.open += 1
        try:
            if is_fault(script[0]):
                raise fault_of(script[0])
            chunks = self._speak(script)
            async with aclosing(chunks):
                yield chunks
        finally:
            self.open -= 1

    async def _speak(self, script):
        for item in script:
            if item is HANG:
                await asyncio.Event().wait()
            elif isinstance(item, Pause):
                await asyncio.sleep(item)
            elif is_fault(item):
                raise fault_of(item)
            else:
                yield Text(item) if isinstance(item, str) else item


def is_fault(item):
    return isinstance(item, Exception) or (isinstance(item, type) and issubclass(item, Exception))


def fault_of(item):
    return item("as told") if isinstance(item, type) else item


def whole(*words, usage=None, reason="stop"):
    """An answer that comes whole."""
    return [*words, usage or Usage(input_tokens=10, output_tokens=len(words)), Finish(reason)]


def settings(**said):
    """Settings without any from the environment; failures are neither tried again nor waited for
    unless a test says so."""
    with mock.patch.dict(os.environ, clear=True):
        return Settings(**{"retry_attempts": 0, "retry_base_s": 0} | said)


def free(**said):
    """A Model of which everything is known, and which costs nothing."""
    return Model(**{"context": 100_000, "price": (Decimal(0), Decimal(0))} | said)


def priced(of_input, of_output, **said):
    """A Model with a price in whole dollars for a token, so that sums can be read."""
    return free(price=(Decimal(of_input) * 1_000_000, Decimal(of_output) * 1_000_000), **said)


def candidates(*providers, catalog=None, wall=None, **said):
    known = catalog or {p.name: {"prior": free()} for p in providers}
    return Candidates(
        {provider.name: provider for provider in providers},
        settings(**said),
        known,
        clock=now,
        wall=wall or now,
    )


def router_of(*providers, **said):
    """A router; without `providers=` the candidates rank in the order in which they are given."""
    said = {"providers": tuple(p.name for p in providers)} | said
    return ModelRouter(candidates(*providers, **said))


def receipt_of(router, **said):
    return Receipt("qualification", router.candidates.prices, clock=now, **said)


def ask(router, *, prompt="Who is it?", receipt=None, **options):
    """The generator of one request. `receipt` is the execution's, else the test reads a new one."""
    bound = router.bound(receipt or receipt_of(router), {})
    return bound.stream_request(task_type=TaskType.QUALIFICATION, prompt=prompt, **options)


class Reading:
    """What a reader got: every event, and what it ended with."""

    def __init__(self):
        self.events = []
        self.error = None

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def types(self):
        """The kinds of events in their order, a row of tokens as one."""
        kinds = [event["type"] for event in self.events]
        return [k for i, k in enumerate(kinds) if k != "token" or i == 0 or kinds[i - 1] != k]

    @property
    def text(self):
        """The words that the reader has at the end: a reset takes back what came before it."""
        shown = []
        for event in self.events:
            if event["type"] == "reset":
                shown.clear()
            elif event["type"] == "token":
                shown.append(event["content"])
        return "".join(shown)

    @property
    def asked(self):
        """The providers that were named, in their order."""
        return [event["provider"] for event in self.of("route")]

    @property
    def metadata(self):
        assert self.error is None, self.error
        assert self.events[-1]["type"] == "complete"
        return self.events[-1]["metadata"]


async def read(router, *, leave_after=None, **said):
    """Read one request to its end, or leave it after so many events."""
    reading = Reading()
    try:
        async with aclosing(ask(router, **said)) as events:
            async for event in events:
                reading.events.append(event)
                if len(reading.events) == leave_after:
                    break
    except Exception as error:
        reading.error = error
    return reading
