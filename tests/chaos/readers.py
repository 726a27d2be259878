"""A reader as a browser is one: it comes back with the last id until the stream has ended.

It keeps the bytes of whole frames and nothing of a frame that was cut, which is what its user has
seen. On its own it may leave after any number of bytes, as if its network did.
"""

import asyncio
import contextlib
import re

import h11

from tests.chaos.proxy import reset
from tests.serving import last_id, whole_frames

ENDED = re.compile(rb'\ndata: \{"type":"(complete|error|stopped)"')
PAUSE_S = (0.02, 0.3)
"""Before it comes back, and where nobody was there: a browser would take two seconds."""


class Reader:
    """`await read()` returns when it has the terminal event; `seen` is what it was shown."""

    def __init__(self, stream_id, *, port, dice=None):
        self.stream_id = stream_id
        self.seen = b""
        self.connections = 0
        self._port = port
        self._dice = dice
        self._body = None

    @property
    def ended(self):
        return ENDED.search(self.seen[-20_000:]) is not None

    @property
    def shown(self):
        """How many bytes it has got so far, the frame that is coming included."""
        return len(self.seen) + (len(self._body.bytes) if self._body else 0)

    async def read(self):
        while not self.ended:
            self._body = body = Body(self._dice and self._dice.randint(0, 6000))
            with contextlib.suppress(OSError, h11.RemoteProtocolError):
                await body.read(self._port, self.stream_id, last_id(self.seen))
            met = body.status is not None
            assert body.status in (None, 200, 204, 503), f"{self.stream_id}: {body.status}"
            self.connections += met
            self.seen += whole_frames(body.bytes)
            self._body = None
            if not self.ended:
                await asyncio.sleep(PAUSE_S[not met])
        return self.seen


class Body:
    """One answer's body: to its end, or to `most` bytes and then gone without a word."""

    def __init__(self, most=None):
        self.bytes = b""
        self.status = None
        self.retry_after = None
        self.token_at = None
        """When the first word came, by the loop's clock."""
        self.pings = []
        """When each heartbeat came."""
        self._most = most

    async def read(self, port, stream_id, after=None):
        headers = [("Last-Event-ID", after)] if after else []
        await self.ask(port, "GET", f"/api/stream/{stream_id}", headers)

    async def ask(self, port, method, target, headers=(), body=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            talk = h11.Connection(h11.CLIENT)
            said = [("Host", f"127.0.0.1:{port}"), ("Content-Length", str(len(body))), *headers]
            asked = talk.send(h11.Request(method=method, target=target, headers=said))
            data = talk.send(h11.Data(body)) if body else b""
            writer.write(asked + data + talk.send(h11.EndOfMessage()))
            while self._take(talk):
                talk.receive_data(await reader.read(65536))
        finally:
            reset(writer)

    def _take(self, talk):
        """What has come of the answer; whether there is more to come."""
        while (event := talk.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                self.status = event.status_code
                self.retry_after = dict(event.headers).get(b"retry-after")
            elif isinstance(event, h11.Data):
                if not self._keep(event.data):
                    return False
            elif isinstance(event, h11.EndOfMessage):
                return False
        return True

    def _keep(self, data):
        """Whether more is wanted."""
        now = asyncio.get_running_loop().time()
        if data.startswith(b": ping\n"):
            self.pings.append(now)
        self.bytes += data if self.status == 200 else b""
        if self.token_at is None and b'"token"' in data:
            self.token_at = now
        if self._most is not None and len(self.bytes) >= self._most:
            self.bytes = self.bytes[: self._most]
            return False
        return True
