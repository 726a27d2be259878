"""Three programs that read Server-Sent Events and that we did not write.

Each takes a body in pieces and gives `[(id, data)]` for every event that it dispatches.
"""

import base64
import json
import subprocess
from pathlib import Path

import httpx
from httpx_sse import EventSource
from openai._streaming import SSEDecoder

NPM_PACKAGE = "eventsource-parser@3.1.1"
"""The newest for node 18 and 20."""


def httpx_sse(pieces):
    answer = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=iter(pieces)
    )
    return [(event.id, event.data) for event in EventSource(answer).iter_sse()]


def openai(pieces):
    return [(event.id or "", event.data) for event in SSEDecoder().iter_bytes(iter(pieces))]


class EventsourceParser:
    """npm's eventsource-parser, installed in `folder`, in a node that answers line by line."""

    def __init__(self, folder):
        self._node = subprocess.Popen(
            ["node", str(Path(__file__).with_name("parser.mjs")), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, pieces):
        sent = json.dumps([base64.b64encode(piece).decode() for piece in pieces])
        self._node.stdin.write(sent + "\n")
        self._node.stdin.flush()
        return [(event["id"], event["data"]) for event in json.loads(self._node.stdout.readline())]

    def close(self):
        self._node.stdin.close()
        self._node.wait()
        self._node.stdout.close()


def install(folder):
    """Install the package; return once it is there. Raises subprocess.SubprocessError."""
    if not (folder / "node_modules" / "eventsource-parser").exists():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", NPM_PACKAGE],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
