"""A reader in Python that comes back after every drop: client.py [ADDRESS [MESSAGE]]."""

import sys
import time
from collections.abc import Iterator

import httpx
from httpx_sse import connect_sse

MESSAGE = "What should I say to a customer who asks for a discount?"


def follow(client: httpx.Client, url: str) -> Iterator[dict[str, object]]:
    """Every event once and in order, whatever happens to the connection or to the server."""
    last: dict[str, str] = {}
    while True:
        try:
            with connect_sse(client, "GET", url, headers=last) as source:
                for event in source.iter_sse():
                    last = {"Last-Event-ID": event.id}
                    yield event.json()
                    if event.json()["type"] in ("complete", "error", "stopped"):
                        return
        except httpx.TransportError:
            time.sleep(1)


def main(address: str = "http://127.0.0.1:8001", message: str = MESSAGE) -> None:
    start = {"agent_type": "conversation", "input": {"message": message}, "lead": {}}
    # A heartbeat comes every 15 seconds: after 45 of silence the connection is dead.
    with httpx.Client(base_url=address, timeout=45) as client:
        started = client.post("/api/stream/start/ada", json=start).raise_for_status().json()
        for event in follow(client, started["stream_url"]):
            print(event.get("content") or f"\n[{event['type']}]\n", end="", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
