"""JSON columns: what is stored in them and how it is read back, money exact both ways."""

from decimal import Decimal
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder().decode
_decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode


def dump(value: Any) -> str | None:
    """JSON text for a column; None stays NULL."""
    return None if value is None else _encode(value).decode()


def load(text: str | None) -> Any:
    """What `dump` wrote."""
    return None if text is None else _decode(text)


def load_decimals(text: str | None) -> Any:
    """What `dump` wrote, every fraction as a Decimal: what adds up must not pass through floats."""
    return None if text is None else _decode_exactly(text)
