"""A TCP proxy that treats connections badly: late, in pieces, half, or not at all.

It stands between a reader and the server, or between the server and a vendor, and knows neither.
What befalls a connection is drawn from `dice` when it is made, so a seed says it all but the time.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

WHOLE = 65536


@dataclass(frozen=True)
class Weather:
    """What befalls the connections: the largest delay, the smallest piece, how often one is cut."""

    latency_s: float = 0.0
    slices: bool = False
    cut_share: float = 0.0
    """Of all connections; a cut is a reset or an end that comes too early, one as often as the
    other."""
    cut_within: int = 20_000
    """Bytes of the answer, head included."""


FAIR = Weather()
FOUL = Weather(latency_s=0.004, slices=True, cut_share=0.7)


@dataclass(frozen=True)
class Fate:
    """What befalls one connection."""

    delay_s: float
    largest: int
    cut_after: int | None
    reset: bool


class FaultProxy:
    """`async with FaultProxy(weather, dice) as proxy`: listens on `port`, goes on to `target`."""

    def __init__(self, weather, dice):
        self.target = 0
        self.cuts = 0
        self._weather = weather
        self._dice = dice
        self._talks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _fate(self):
        weather, dice = self._weather, self._dice
        cut = dice.random() < weather.cut_share
        return Fate(
            delay_s=dice.uniform(0, weather.latency_s),
            largest=dice.choice((1, 7, 100, 1500)) if weather.slices else WHOLE,
            cut_after=dice.randrange(weather.cut_within) if cut else None,
            reset=dice.random() < 0.5,
        )

    def _accept(self, reader, writer):
        talk = asyncio.ensure_future(self._talk(reader, writer, self._fate()))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader, writer, fate):
        ends = [writer]
        try:
            there, beyond = await asyncio.open_connection("127.0.0.1", self.target)
            ends.append(beyond)
            ways = (self._asking(reader, beyond), self._answering(there, writer, fate))
            await self._first_of(map(asyncio.ensure_future, ways))
        except OSError:
            reset(writer)
        finally:
            for end in ends:
                end.close()

    async def _first_of(self, ways):
        """Until one way has ended: then the other has nobody to talk to."""
        ways = list(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _asking(self, reader, beyond):
        while part := await reader.read(WHOLE):
            beyond.write(part)
            await beyond.drain()

    async def _answering(self, there, writer, fate):
        left = fate.cut_after
        while part := await there.read(WHOLE if left is None else max(1, min(left, WHOLE))):
            await asyncio.sleep(fate.delay_s)
            await self._in_pieces(part, writer, fate.largest)
            left = None if left is None else left - len(part)
            if left is not None and left <= 0:
                return await self._cut(writer, fate)

    async def _in_pieces(self, part, writer, largest):
        # One write each, sent before the next: slices that the kernel joins would be none.
        size = max(largest, len(part) // 50)
        for start in range(0, len(part), size):
            writer.write(part[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)

    async def _cut(self, writer, fate):
        """A reset; or an end that is orderly for TCP, while nobody reads the server any more."""
        self.cuts += 1
        if fate.reset:
            return reset(writer)
        with contextlib.suppress(OSError):
            writer.write_eof()
        await asyncio.sleep(0.2)


def reset(writer):
    """RST instead of FIN: a socket that may not linger throws away what it has."""
    if (sock := writer.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
