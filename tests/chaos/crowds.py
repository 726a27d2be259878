"""Many at once: readers that are cut, clients that vanish, streams by thousands.

Each function does one thing to a running server and returns the figures of it. `Size` reads from
the kernel what the server holds, so that what is left behind is seen from outside.
"""

import asyncio
import contextlib
from pathlib import Path
from random import Random
from typing import NamedTuple

import h11

from tests.chaos.proxy import FOUL, FaultProxy, reset
from tests.chaos.readers import Body, Reader
from tests.serving import frames, script, words

AT_ONCE = 40
SETTLED_WITHIN_S = 20


class Size(NamedTuple):
    """What a process holds: sockets, all file descriptors, KiB of memory."""

    sockets: int
    descriptors: int
    kib: int

    @classmethod
    def of(cls, pid):
        names = []
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names.append(str(link.readlink()))
        status = Path(f"/proc/{pid}/status").read_text()
        kib = int(status.partition("VmRSS:")[2].split()[0])
        return cls(sum(name.startswith("socket:") for name in names), len(names), kib)


async def settled(server, before):
    """What the server holds once its sockets and descriptors are back, or will not come back."""
    for _ in range(SETTLED_WITHIN_S * 10):
        now = Size.of(server.process.pid)
        if now.sockets <= before.sockets and now.descriptors <= before.descriptors:
            break
        await asyncio.sleep(0.1)
    return now


async def each(jobs, at_once=AT_ONCE):
    """Run all of them, so many at once; their results."""
    places = asyncio.Semaphore(at_once)

    async def one(job):
        async with places:
            return await job

    return await asyncio.gather(*map(one, jobs))


async def cut_readers(server, count, seed):
    """Readers of one running stream, cut at random bytes, half of them behind a bad network.

    Returns how often they came back, and how many have not every byte.
    """
    said = script(words(300), pace_ms=10)
    stream_id = (await asyncio.to_thread(server.start, said, detach=True))["stream_id"]
    dice = Random(seed)
    async with FaultProxy(FOUL, dice) as proxy:
        proxy.target = server.port
        readers = [
            Reader(stream_id, port=port, dice=Random(dice.random()))
            for _ in range(count // 2)
            for port in (server.port, proxy.port)
        ]
        await each((reader.read() for reader in readers), at_once=count)
    log = frames(await asyncio.to_thread(server.read, stream_id))
    return {
        "readers": len(readers),
        "reconnects": sum(reader.connections - 1 for reader in readers),
        "unequal": sum(reader.seen != log for reader in readers),
    }


async def vanishing_clients(server, count):
    """Reset right after the request: of a stream that runs, and of calls that would start one."""
    said = script(words(340), pace_ms=100)
    stream_id = (await asyncio.to_thread(server.start, said, detach=True))["stream_id"]
    before = await settled(server, Size.of(server.process.pid))

    asked = f"GET /api/stream/{stream_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    async def vanish(number):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(asked)
        for _ in range(number % 5):
            await asyncio.sleep(0)
        reset(writer)

    await each(map(vanish, range(count)))
    after = await settled(server, before)
    await asyncio.to_thread(server.stop, stream_id)
    return _grown(before, after) | {"resets": count}


async def short_streams(server, count):
    """Start and read so many; what the server holds before, and after all have ended."""
    body = b'{"message": "hello to you"}'

    async def one(_):
        answer = Body()
        with contextlib.suppress(h11.RemoteProtocolError):
            await answer.ask(server.port, "POST", "/api/agents/conversation/stream", body=body)
        return answer.status == 200 and b'"complete"' in answer.bytes

    await each(map(one, range(200)))  # what is loaded or cached once is no leak
    before = await settled(server, Size.of(server.process.pid))
    whole = await each(map(one, range(count)))
    return _grown(before, await settled(server, before)) | {
        "streams": count,
        "not_whole": count - sum(whole),
    }


def _grown(before, after):
    """Never below zero: a server that holds less than before has leaked nothing."""
    grown = (max(0, now - then) for then, now in zip(before, after, strict=True))
    return dict(zip(("sockets_left", "descriptors_left", "kib_left"), grown, strict=True))
