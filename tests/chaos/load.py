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
TURNS = 6

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
    """As many clients as there are places, and ten times as many, by turns: what else the machine
    does meanwhile befalls both. Times to the first word, as the clients have them."""
    alone, crowd = _nothing(), _nothing()
    for _ in range(TURNS):
        for found, count in ((alone, places), (crowd, places * 10)):
            await _clients(server, found, count, seconds / TURNS / 2)
    first, late = median(alone["first_s"]), median(crowd["first_s"])
    return {
        "places": places,
        "clients": places * 10,
        "admitted": len(crowd["first_s"]),
        "refused": len(crowd["refused_s"]),
        "ttft_alone_ms": round(1000 * first),
        "ttft_in_the_crowd_ms": round(1000 * late),
        "ttft_ratio": round(late / first, 2),
        "refused_within_ms": round(1000 * median(crowd["refused_s"])),
        "refused_with_retry_after": crowd["polite"],
    }


def _nothing():
    return {"first_s": [], "refused_s": [], "polite": True}


async def _clients(server, found, count, seconds):
    """Each starts, reads, and starts again; one who is refused comes when he is told to."""
    clients = [asyncio.create_task(_client(server, found)) for _ in range(count)]
    await asyncio.sleep(seconds)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    while server.http.get("/api/executions?status=running&limit=1").json()["items"]:
        await asyncio.to_thread(_stop_all, server)


def _stop_all(server):
    """What was left behind would take the next turn's places."""
    for item in server.http.get("/api/executions?status=running&limit=200").json()["items"]:
        server.stop(item["stream_id"])


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
