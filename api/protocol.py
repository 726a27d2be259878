"""uvicorn's HTTP protocol, and what an application may ask of its connection beside `send`.

Both are extensions of the scope, so that under any other server a response does without them.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HANG_UP = "leadstream.hang_up"
"""A function that drops the connection, with what is unsent: closing would wait until all is."""

POUR = "leadstream.pour"
"""`pour(form, frames)` sends `form(frames)` as a part of the body that `send` has begun, past all
that stands between, and waits for nothing. False, and nothing was formed, where the connection
takes nothing at present."""

Form = Callable[[bytes], bytes]
"""Durable frames, or b"" for a quiet time, as what is sent; b"" where that is nothing."""


class Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {HANG_UP: self.transport.abort, POUR: self._pour}
        self.scope["extensions"] = extensions

    def _pour(self, form: Form, frames: bytes) -> bool:
        if self.flow.write_paused or self.transport.is_closing():
            return False
        if piece := form(frames):
            # Its length is not known beforehand, so uvicorn has begun it in chunks.
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True
