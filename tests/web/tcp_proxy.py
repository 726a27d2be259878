"""A wire between browser and server that can be cut: no page drops its own connection in a test."""

import contextlib
import re
import socket
import struct
import threading


class TcpProxy:
    """`with TcpProxy(port) as wire`: listens on `wire.port`; `wire.cut()` resets what is open."""

    def __init__(self, target):
        self._target = target
        self._ends = set()
        self._flows = threading.Event()
        self._flows.set()
        self._asked = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.flow()
        self.cut()

    def asked(self, path):
        """Every request so far for a path that begins with `path`."""
        return re.findall(rb"(?:GET|POST) " + path.encode() + rb"\S* HTTP/1.1\r\n", self._asked)

    def hold(self):
        """Keep back what the server answers, until `flow()`."""
        self._flows.clear()

    def flow(self):
        self._flows.set()

    def cut(self):
        """Reset both ends of every connection, in the middle of whatever it brings."""
        for end in list(self._ends):
            self._ends.discard(end)
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                # close() alone would wait for the thread that reads it.
                end.shutdown(socket.SHUT_RD)
            end.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                if self._listener.fileno() < 0:
                    return
                near.close()
                continue
            self._ends |= {near, far}
            for one, other in ((near, far), (far, near)):
                way = threading.Thread(target=self._carry, args=(one, other, one is near))
                way.daemon = True
                way.start()

    def _carry(self, one, other, asking):
        try:
            while part := one.recv(65536):
                if asking:
                    self._asked += part
                else:
                    self._flows.wait()
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            if not asking:
                for end in (one, other):
                    self._ends.discard(end)
                    end.close()
