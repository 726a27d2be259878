"""The vendor of the bench: OpenAI's format at a pace, as cheap as Python makes it.

    python -m bench.vendor PORT

The model's name says how: `bench-n300-i37` is 300 tokens, one every 37 ms; `i0` as fast as the
socket takes them. Every token ends in a stamp, `~` and six letters: the moment at which it was
sent, in microseconds of the monotonic clock, which begins anew every five minutes. Letters, because
that is what words are made of.
"""

import asyncio
import heapq
import json
import re
import sys
import time
from itertools import count

import uvloop

WORDS = (" the", " and", " stream", " of", " a", " durable", " answer", " that", " goes", " on")
LETTERS = b"abcdefghijklmnopqrstuvwxyz"
STAMP = "~aaaaaa"
ROUND_US: int = 26**6
FLAT_OUT = 16
"""Tokens that an unpaced stream writes before another has its turn."""

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def stamp(us: int) -> bytes:
    """A time as six letters."""
    letters = bytearray(6)
    for place in range(5, -1, -1):
        us, letter = divmod(us, 26)
        letters[place] = LETTERS[letter]
    return bytes(letters)


def age_us(letters: bytes, now_us: int) -> int:
    """How long ago it was stamped."""
    us = 0
    for letter in letters:
        us = us * 26 + letter - 97
    return (now_us - us) % ROUND_US


def now_us() -> int:
    return time.monotonic_ns() // 1000


class Pace:
    """One timer for all streams: whoever is due says its next word."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[float, int, Connection]] = []
        self._order = count()
        self._timer: asyncio.Handle | None = None
        self._armed_s = 0.0

    def at(self, when_s: float, stream: "Connection") -> None:
        heapq.heappush(self._due, (when_s, next(self._order), stream))
        if self._timer is None or when_s < self._armed_s:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            self._armed_s = self._due[0][0]
            self._timer = self._loop.call_at(self._armed_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        while self._due and self._due[0][0] <= self._loop.time():
            when_s, _, stream = heapq.heappop(self._due)
            if (pause_s := stream.speak()) is not None:
                heapq.heappush(self._due, (when_s + pause_s, next(self._order), stream))
        self._arm()


class Connection(asyncio.Protocol):
    """One request after the other, each a chat completion."""

    def __init__(self, pace: Pace, loop: asyncio.AbstractEventLoop) -> None:
        self._pace = pace
        self._loop = loop
        self._buffer = b""
        self._open = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not blank or (length and len(rest) < int(length[1])):
            return
        size = int(length[1]) if length else 0
        self._buffer = rest[size:]
        self._begin(json.loads(rest[:size] or b"{}"))

    def _begin(self, asked: dict[str, object]) -> None:
        model = str(asked.get("model", ""))
        said = dict(re.findall(r"-([ni])([\d.]+)", model))
        self._left = int(said.get("n", 100))
        self._pause_s = float(said.get("i", 0)) / 1000
        self._said = 0
        self._chunks = [_chunk(model, word + STAMP).split(STAMP.encode()) for word in WORDS]
        self._end = b"".join(
            (
                _chunk(model, None, "stop"),
                _framed({"choices": [], "model": model, "usage": _usage(self._left)}),
                _http(b"data: [DONE]\n\n"),
                b"0\r\n\r\n",
            )
        )
        self._transport.write(_HEAD)
        self._pace.at(self._loop.time() + self._pause_s, self)

    def speak(self) -> float | None:
        """Say what is due; how long until the next word, None at the end."""
        if not self._open:
            return None
        words = min(self._left, 1 if self._pause_s else FLAT_OUT)
        for _ in range(words):
            before, after = self._chunks[self._said % len(WORDS)]
            self._said += 1
            self._transport.write(before + b"~" + stamp(now_us()) + after)
        self._left -= words
        if self._left:
            return self._pause_s
        self._transport.write(self._end)
        return None


def _chunk(model: str, content: str | None, finish: str | None = None) -> bytes:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _framed({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model,
                    "choices": [choice]})  # fmt: skip


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": tokens + 12}


def _framed(chunk: dict[str, object]) -> bytes:
    return _http(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")


def _http(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(loop)
    server = await loop.create_server(
        lambda: Connection(pace, loop), "127.0.0.1", port, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
