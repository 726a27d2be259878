"""How long after Stop the vendor's socket is closed, over the real server and the real SDKs.

    python -m bench.stop [STOPS]

Prints the median and the longest time, in milliseconds, from sending `POST /api/stream/stop/…` to
the fake vendor's seeing the end of its connection. Both clocks are this process's own.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.upstream.faults import HoldAfter, HoldBeforeHead
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import VENDORS, serve_vendors

STOPS = 32
FAULTS = {"before the first word": HoldBeforeHead(), "in the middle": HoldAfter(2)}


def main(stops: int = STOPS) -> None:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        vendors = stack.enter_context(FakeVendors())
        server = stack.enter_context(serve_vendors(folder, vendors.env()))
        for place, fault in FAULTS.items():
            each = [
                stop_ms(server, vendors, VENDORS[number % len(VENDORS)], fault)
                for number in range(stops // len(FAULTS))
            ]
            median, longest = statistics.median(each), max(each)
            print(f"{place}: median {median:.1f} ms, max {longest:.1f} ms, {len(each)} stops")


def stop_ms(server, vendors, vendor, fault):
    """One stream, stopped while its vendor holds."""
    vendors.fails(vendor, fault)
    number = len(vendors.attempts)
    stream_id = server.start(provider=vendor)["stream_id"]
    vendors.wait_for(lambda: vendors.attempts[number].holding)
    stopped_s = time.monotonic()
    server.stop(stream_id)
    attempt = vendors.attempts[number]
    vendors.wait_for(lambda: not attempt.open)
    assert attempt.client_left
    return (attempt.closed_s - stopped_s) * 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
