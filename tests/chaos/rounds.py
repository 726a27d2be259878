"""One round: twenty streams run, the server dies and is started again, and readers keep coming.

It ends when every reader has his terminal event; then everything that the verdict asks is read from
the server that is left.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import httpx

from tests.chaos import world
from tests.chaos.doomed import Doomed
from tests.chaos.dying import Death
from tests.chaos.proxy import FOUL, FaultProxy
from tests.chaos.readers import Reader
from tests.serving import frames, rows

WITHIN_S = 60
OPEN = "SELECT count(*) FROM agent_executions WHERE status IN ('pending', 'running')"


@dataclass
class Stream:
    """One stream: what was asked, who read it, and what the server says of it at the end."""

    asked: dict
    started: dict
    readers: list
    log: bytes = b""
    execution: dict = field(default_factory=dict)


class Round:
    """`await play()`, then look at what it has."""

    def __init__(self, plan, folder, sabotage="none"):
        self.plan = plan
        self.streams = []
        self.kills = []
        """`(point, how many streams were running)` for each that hit one."""
        self.open = None
        self.prices = {}
        self.attempts = ()
        self._dice = Random(f"{plan.seed} readers")
        self._reading = []
        self._server = Doomed(folder, sabotage)

    async def play(self):
        async with world.vendors(self._dice) as (vendors, self._server.variables):
            async with FaultProxy(FOUL, self._dice) as self._proxy, asyncio.timeout(WITHIN_S):
                try:
                    await self._live()
                    await asyncio.to_thread(self._look)
                finally:
                    for reading in self._reading:
                        reading.cancel()
                    await asyncio.to_thread(self._server.kill)
            self.attempts = vendors.attempts
        return self

    async def _live(self):
        for death in (*self.plan.deaths, None):
            await asyncio.to_thread(self._server.live, death or Death())
            if not self._reading:
                self._proxy.target = self._server.port
                self._reading.append(asyncio.create_task(self._begin()))
            await (self._death(death) if death else self._quiet())
        for reading in self._reading:
            reading.result()

    async def _begin(self):
        """Start every stream, and begin to read it."""
        async with httpx.AsyncClient(trust_env=False) as http:
            for number, asked in enumerate(self.plan.streams):
                started = await self._started(http, number, asked)
                stream = Stream(asked, started, self._readers(started["stream_id"]))
                self.streams.append(stream)
                self._reading += [asyncio.create_task(r.read()) for r in stream.readers]

    async def _started(self, http, number, asked):
        """A start is repeated until it is answered, as whoever has a key for it may."""
        url = f"http://127.0.0.1:{self._server.port}/api/stream/start/lead"
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await http.post(url, json=asked, headers={"Idempotency-Key": str(number)})
                assert answer.status_code in (200, 201), answer.text
                return answer.json()
            await asyncio.sleep(0.02)

    def _readers(self, stream_id):
        """One who stays, and perhaps one who leaves at any byte and one behind a bad network."""
        dice, server, proxy = self._dice, self._server, self._proxy
        readers = [Reader(stream_id, port=server.port)]
        if dice.random() < 0.7:
            readers.append(Reader(stream_id, port=server.port, dice=Random(dice.random())))
        if dice.random() < 0.7:
            readers.append(Reader(stream_id, port=proxy.port))
        return readers

    async def _death(self, death):
        """Until the server is dead: by its point, by us, or because nothing is left to hit."""
        waits = [asyncio.to_thread(self._server.process.join), self._quiet()]
        if death.point == "outside":
            waits.append(self._shown(death))
        waits = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(self._server.kill)
        for wait in waits[1:]:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        if running := rows(self._server.database, OPEN)[0][0]:
            self.kills.append((death.point, running))

    async def _quiet(self):
        """All streams have been started, and read to their end."""
        while left := [reading for reading in self._reading if not reading.done()]:
            await asyncio.wait(left)

    async def _shown(self, death):
        """All streams have begun, and their readers have been shown some bytes since."""
        while not await self._passed(lambda: len(self.streams) >= death.begun):
            pass
        before = self._bytes()
        while not await self._passed(lambda: self._bytes() >= before + 500 * death.count):
            pass

    async def _passed(self, condition):
        await asyncio.sleep(0.01)
        return condition()

    def _bytes(self):
        return sum(reader.shown for stream in self.streams for reader in stream.readers)

    def _look(self):
        server = self._server
        self.open = rows(server.database, OPEN)[0][0]
        for stream in self.streams:
            stream.log = frames(server.read(stream.started["stream_id"]))
            stream.execution = _exact(server, f"/api/executions/{stream.started['execution_id']}")
        for provider in _exact(server, "/api/providers")["items"]:
            for model in provider["models"]:
                price = model["usd_per_million_tokens"]
                self.prices[provider["provider"], model["model"]] = price


def _exact(server, path):
    """An answer's JSON with money as it was written."""
    return json.loads(server.http.get(path).content, parse_float=Decimal)
