"""A client of the fakes that shows every byte: no HTTP library stands between."""

import json
import socket

import httpx

from tests.upstream.vendors import FakeVendors

ASK = [{"role": "user", "content": "Who are you?"}]
PATHS = {
    "claude": "/claude/v1/messages",
    "cerebras": "/cerebras/v1/chat/completions",
    "deepseek": "/deepseek/beta/chat/completions",
    "ollama": "/ollama/api/chat",
}


def request_bytes(vendor: str, **headers: str) -> bytes:
    body = {"model": "m", "max_tokens": 9, "messages": ASK, "stream": True}
    body["stream_options"] = {"include_usage": True}
    data = json.dumps(body).encode()
    headers = {"host": "127.0.0.1:1", "authorization": "Bearer k", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"POST {PATHS[vendor]} HTTP/1.1\r\n{lines}content-length: {len(data)}\r\n\r\n"
    return head.encode() + data


def connect(vendors: FakeVendors, vendor: str, **headers: str) -> socket.socket:
    """A client that has sent its request and shows every byte that comes."""
    sock = socket.create_connection(("127.0.0.1", httpx.URL(vendors.url).port), timeout=5)
    sock.sendall(request_bytes(vendor, **headers))
    return sock


def everything(sock: socket.socket) -> bytes:
    parts = []
    while data := sock.recv(1 << 20):
        parts.append(data)
    return b"".join(parts)


def response(vendors: FakeVendors, vendor: str, **headers: str) -> tuple[str, bytes]:
    """Head, and the body with its chunk framing."""
    with connect(vendors, vendor, connection="close", **headers) as sock:
        head, _, body = everything(sock).partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def unchunked(body: bytes) -> tuple[list[bytes], bool]:
    """The chunks of a body and whether the last one, of size zero, was among them."""
    chunks: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        if not (count := int(size, 16)):
            return chunks, rest == b"\r\n"
        chunks.append(rest[:count])
        body = rest[count + 2 :]
    return chunks, False


def body_of(vendors: FakeVendors, vendor: str, **headers: str) -> bytes:
    return b"".join(unchunked(response(vendors, vendor, **headers)[1])[0])
