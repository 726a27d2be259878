"""What Leadstream holds while it runs: memory a stream and a follower, and how soon it is there."""

import json
import time
import urllib.request
from pathlib import Path

import uvloop

from bench.reader import read
from bench.rivals import LEADSTREAM, Standing, standing
from bench.streaming import Load, warm_up

FOREVER = Load("a stream that goes on", 1, 1000, 60_000)


def per_stream_kib(folder: Path, vendor: int, streams: int, tokens: int = 500) -> float:
    """Memory of a running stream that has said `tokens` tokens, KiB: the client's and the vendor's
    connections included, as they stand in this process."""
    load = Load("memory", streams, 2 * tokens, 40, ramp_s=2)
    with standing(LEADSTREAM, folder, vendor, load.model, max_streams=streams + 10) as there:
        warm_up(there)
        before = there.process.rss_kib()

        def grown() -> None:
            time.sleep(tokens * load.gap_ms / 1000)
            held.append((there.process.rss_kib() - before) / streams)

        held: list[float] = []
        uvloop.run(
            read(
                there.url,
                streams=streams,
                ramp_s=load.ramp_s,
                stamped=False,
                while_open=grown,
                **there.request,
            )
        )
        return held[0]


def per_follower_kib(folder: Path, vendor: int, followers: int) -> float:
    """Memory of a follower of a stream in which nothing happens, KiB."""
    with standing(LEADSTREAM, folder, vendor, FOREVER.model, max_followers=followers + 10) as there:
        url = _started(there)
        uvloop.run(read(url, streams=20, body=None, while_open=lambda: None))
        before = there.process.rss_kib()
        held: list[float] = []
        uvloop.run(
            read(
                url,
                streams=followers,
                body=None,
                ramp_s=followers / 1000,
                stamped=False,
                while_open=lambda: held.append((there.process.rss_kib() - before) / followers),
            )
        )
        return held[0]


def fan_out(folder: Path, vendor: int, followers: int, tokens: int = 200) -> float:
    """CPU microseconds to bring one token to one of many followers, its socket included."""
    load = Load("fan-out", followers, tokens, 25)
    with standing(LEADSTREAM, folder, vendor, load.model, max_followers=followers + 10) as there:
        warm_up(there)
        url = _started(there)
        before = there.process.cpu_s()
        told = uvloop.run(read(url, streams=followers, body=None, within_s=60))
        return (there.process.cpu_s() - before) * 1e6 / max(1, sum(one.tokens for one in told))


def start_up_s(folder: Path, vendor: int) -> float:
    """From the command to the first request that is answered; the first of its database."""
    began = time.monotonic()
    with standing(LEADSTREAM, folder, vendor, "bench-n3-i0"):
        return time.monotonic() - began


def _started(there: Standing) -> str:
    """The URL of a stream that nobody follows yet."""
    said = dict(there.request["body"])
    body = {
        "agent_type": "conversation",
        "lead": {},
        "detach": True,
        "provider": said.pop("provider"),
        "input": said,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{there.port}/api/stream/start/bench",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        started = json.loads(answer.read())
    return f"http://127.0.0.1:{there.port}{started['stream_url']}"
