"""Crowds for a minute: two thousand who wait for a stream that is silent, and ten times too many
who want one. By hand: what is measured depends on the machine, and says so."""

import asyncio
import contextlib
import json
from statistics import median

import h11

from tests.chaos.crowds import Size
from tests.chaos.readers import Body
from tests.serving import script, words

SILENT = script("one two", pace_ms=600_000)
SHORT = script(words(20), pace_ms=20)


async def idle(server, count, seconds):
    """Followers of one silent stream: KiB each, and the longest wait for a heartbeat."""
    started = await asyncio.to_thread(server.start, SILENT, detach=True)
    before = Size.of(server.process.pid)
    bodies = [Body() for _ in range(count)]
    reading = [asyncio.create_task(body.read(server.port, started["stream_id"])) for body in bodies]
    await asyncio.sleep(seconds)
    after = Size.of(server.process.pid)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    await asyncio.to_thread(server.stop, started["stream_id"])
    gaps = [
        late - early
        for body in bodies
        for early, late in zip(body.pings, body.pings[1:], strict=False)
    ]
    return {
        "followers": sum(body.status == 200 for body in bodies),
        "seconds": seconds,
        "kib_each": round((after.kib - before.kib) / count, 1),
        "fewest_heartbeats": min(len(body.pings) for body in bodies),
        "longest_between_heartbeats_s": round(max(gaps, default=0), 1),
    }


async def overload(server, places, seconds):
    """As many clients as there are places, then ten times as many; times to the first word."""
    alone = await _clients(server, places, seconds / 2)
    crowd = await _clients(server, places * 10, seconds / 2)
    return {
        "places": places,
        "clients": places * 10,
        "admitted": len(crowd["first_s"]),
        "refused": len(crowd["refused_s"]),
        "ttft_ratio": round(median(crowd["first_s"]) / median(alone["first_s"]), 2),
        "refused_within_ms": round(1000 * median(crowd["refused_s"])),
        "refused_with_retry_after": crowd["polite"],
    }


async def _clients(server, count, seconds):
    """Each starts, reads, and starts again; one who is refused comes when he is told to."""
    found = {"first_s": [], "refused_s": [], "polite": True}
    clients = [asyncio.create_task(_client(server, found)) for _ in range(count)]
    await asyncio.sleep(seconds)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return found


async def _client(server, found):
    clock = asyncio.get_running_loop().time
    body = json.dumps({"message": SHORT}).encode()
    while True:
        answer, asked = Body(), clock()
        with contextlib.suppress(OSError, h11.RemoteProtocolError):
            await answer.ask(server.port, "POST", "/api/agents/conversation/stream", body=body)
        if answer.status == 503:
            found["refused_s"].append(clock() - asked)
            found["polite"] = found["polite"] and answer.retry_after is not None
            await asyncio.sleep(float(answer.retry_after or 1))
        elif answer.token_at is not None:
            found["first_s"].append(answer.token_at - asked)
