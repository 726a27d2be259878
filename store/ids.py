"""Ids: a prefix, the moment, and chance. One that is made later sorts later: in an index new rows
stand together, and not each on a page of its own somewhere in all that was ever stored."""

import time
from secrets import token_hex


def new(prefix: str) -> str:
    """`prefix`, `_` and 32 hexadecimal digits: 12 of milliseconds since 1970, 20 of chance."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{token_hex(10)}"
