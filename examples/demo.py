"""The demonstration: a server is killed twice while it streams, and its reader loses nothing.

`make demo` runs it. It starts a server of its own on a free port, with a database that is thrown
away, the provider `scripted` and none of your keys: nothing of yours is touched or spent. At the
end, what the reader got over three connections is compared with the log, byte for byte.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

TEXT = """\
A stream here is a numbered log on the disk, and a reader is a position in it.
Nothing is shown to anybody before it is stored, so whatever you have read is safe:
the tab may reload, the train may enter a tunnel, the server may lose its power.
Whoever comes back says which event came last, and gets the rest, each event once.
The answer that was cut starts again behind a mark, so that no word is read twice
unawares, and it ends as it would have ended on a better day."""

PACE_MS = 30
KILL_AFTER = (20, 56)
"""The words after which the server is killed; counted anew when the answer starts again."""


def environment(folder: Path) -> dict[str, str]:
    """The server's: no more of yours than this, so that no key and no setting comes along."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "LEADSTREAM_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
        "LEADSTREAM_PORT": "0",
        "LEADSTREAM_SCRIPTED": "on",
        "LEADSTREAM_PROVIDERS": "scripted",
        "LEADSTREAM_LOCAL_MODEL": "off",
    }


class Server:
    """`python server.py` in a process of its own: to be killed, and started again where it was."""

    def __init__(self, folder: Path) -> None:
        self.kills = 0
        self._log = folder / "log"
        self._environment = environment(folder)
        self.start()

    def start(self) -> None:
        """Return when it listens: on a free port the first time, then on the same one."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "server.py"],
                cwd=Path(__file__).parent.parent,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        announced = self._process.stdout.readline() if self._process.stdout else ""
        if not announced:
            sys.exit(f"The server does not start. {self._log.read_text()}")
        self.address = announced.split()[-1]
        self._environment["LEADSTREAM_PORT"] = self.address.rpartition(":")[2]

    def kill(self) -> None:
        """SIGKILL: it gets no chance to save anything."""
        self.kills += 1
        self.close()

    def close(self) -> None:
        with self._process as process:
            process.kill()


def frames(response: httpx.Response) -> Iterator[bytes]:
    """The events as they came, `retry:` and comments aside; what a cut left half is none."""
    rest = b""
    for piece in response.raise_for_status().iter_bytes():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            lines = block.split(b"\n")
            yield b"\n".join(line for line in lines if not line.startswith((b":", b"retry:")))


def number(frame: bytes) -> int:
    """The id; 0 where there is none: a server that lost what it had shown sends such a frame."""
    head = frame.partition(b"\n")[0]
    return int(head.removeprefix(b"id: ")) if head.startswith(b"id: ") else 0


def event(frame: bytes) -> dict[str, Any]:
    return dict(json.loads(frame[frame.index(b"data: ") + 6 :]))


def words(got: list[bytes]) -> list[str]:
    """The words that a reader has: those since the last reset."""
    said = [event(frame) for frame in got]
    resets = [place for place, one in enumerate(said) if one["type"] == "reset"]
    return [one["content"] for one in said[max(resets, default=0) :] if one["type"] == "token"]


def shown(said: dict[str, Any]) -> str:
    """What a person is shown of an event."""
    return "— starting again —\n" if said["type"] == "reset" else said.get("content", "")


def follow(
    client: httpx.Client, server: Server, url: str, got: list[bytes], kill_after: int | None
) -> None:
    """Read on from the last of `got`, into `got`, until the end or until the server is dead."""
    kills = server.kills
    last = {"Last-Event-ID": str(number(got[-1]))} if got else {}
    try:
        with client.stream("GET", server.address + url, headers=last) as response:
            for frame in frames(response):
                got.append(frame)
                print(shown(event(frame)), end="", flush=True)
                if len(words(got)) == kill_after and server.kills == kills:
                    server.kill()
    except httpx.TransportError:
        if server.kills == kills:
            raise
        print(f"\n— kill -9 after event {number(got[-1])} —", flush=True)
        server.start()


def faults(got: list[bytes], held: list[bytes]) -> list[str]:
    """What is wrong with a reader who has `got` where the log holds `held`; nothing is wanted."""
    promises = {
        "the log's ids are not 1, 2, 3": [*map(number, held)] == [*range(1, len(held) + 1)],
        "what was read is not what the log holds, byte for byte": got == held,
        "the stream has no `complete` at its end": [event(f)["type"] for f in held[-1:]]
        == ["complete"],
        "the words are not the ones that were to be said": "".join(words(got)) == TEXT,
    }
    return [fault for fault, kept in promises.items() if not kept]


def main() -> int:
    script = json.dumps({"say": TEXT, "pace_ms": PACE_MS})
    start = {"agent_type": "conversation", "input": {"message": script}, "detach": True, "lead": {}}
    got: list[bytes] = []
    with (
        TemporaryDirectory() as folder,
        closing(Server(Path(folder))) as server,
        httpx.Client(timeout=30, trust_env=False) as client,  # no proxy between us
    ):
        started = client.post(f"{server.address}/api/stream/start/demo", json=start)
        url = started.raise_for_status().json()["stream_url"]
        for kill_after in (*KILL_AFTER, None):
            follow(client, server, url, got, kill_after)
        with client.stream("GET", server.address + url) as response:
            held = list(frames(response))
        streams = len(client.get(f"{server.address}/api/executions").json()["items"])
    lost = len(set(held) - set(got))
    doubled = len(got) - len({number(frame) for frame in got})
    verdict = f"{streams} stream · {server.kills} kills · {lost} lost · {doubled} doubled"
    wrong = faults(got, held)
    print("", *(f"Wrong: {fault}." for fault in wrong), verdict, sep="\n")
    return 0 if not wrong and verdict == "1 stream · 2 kills · 0 lost · 0 doubled" else 1


if __name__ == "__main__":
    sys.exit(main())
