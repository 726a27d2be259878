"""A reader of one answer that keeps every byte of its body: byte-equal is meant literally."""

import http.client
import socket
import struct
import time

PATIENCE_S = 10
"""Nothing takes so long unless it hangs."""


def until(is_so):
    """Ask until `is_so()`, and return what it said. Bound by time: so many tries are soon over."""
    end = time.monotonic() + PATIENCE_S
    while not (said := is_so()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return said


class Reading:
    """One connection that keeps every byte of an answer's body, as it was sent."""

    def __init__(self, port, path, headers):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._connection.request("GET", path, headers=headers)
        self._response = self._connection.getresponse()
        self._socket = self._connection.sock
        self.status = self._response.status
        self.headers = self._response.headers
        self.body = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._response.close()
        self._connection.close()

    def more(self):
        """The next bytes that come; b"" at the clean end of the answer."""
        part = self._response.read1(65536)
        self.body += part
        return part

    def until(self, needle, times=1):
        """Read on until `needle` has come so many times; what came after it is kept too."""
        while self.body.count(needle) < times:
            assert self.more(), f"{needle!r} never came: {self.body!r}"
        return self

    def until_bytes(self, count):
        """Read on until there are so many bytes, or no more."""
        while len(self.body) < count and self.more():
            pass
        return self.body[:count]

    def rest(self):
        """The whole body; http.client.IncompleteRead where it was cut."""
        while self.more():
            pass
        return self.body

    def reset(self):
        """Leave without a goodbye: the server finds a connection reset."""
        linger = struct.pack("ii", 1, 0)
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.__exit__()
