"""A stream as words for people with curl: `Accept: text/plain`. Pure: events in, text out."""

from decimal import Decimal
from typing import Any

_CONTROL = dict.fromkeys((*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)))
"""A model's text must not steer a terminal: control characters but tab and newline are dropped."""


class PlainText:
    """Feed it events, print what it returns: the words as they come and one last line."""

    def __init__(self) -> None:
        self._column = 0
        self._field: str | None = None

    def take(self, event: dict[str, Any]) -> str:
        """What is to be printed for `event`; "" for what people are not shown."""
        kind = event["type"]
        if kind == "token":
            return self._words(str(event["content"]).translate(_CONTROL), event.get("field"))
        if kind == "reset":
            return self._line(f"— starting again: {event['reason']} —")
        if kind == "complete":
            return self._line(f"— {_receipt(event['metadata'])}")
        if kind == "error":
            return self._line(f"— error: {event['error']['message']} —")
        if kind == "stopped":
            return self._line(f"— stopped: {event['reason']} · {_receipt(event['metadata'])}")
        return ""

    def _words(self, text: str, field: str | None) -> str:
        """Each field of an answer is a paragraph of its own."""
        if not text:
            return ""
        before = "\n\n" if self._column and field != self._field else ""
        self._field = field
        self._column = 0 if text.endswith("\n") else 1
        return before + text

    def _line(self, text: str) -> str:
        """A line of its own, with an empty one before it where words stand there."""
        before = "\n\n" if self._column else ""
        self._column = 0
        return f"{before}{text.translate(_CONTROL)}\n"


def _receipt(metadata: dict[str, Any]) -> str:
    parts = [f"{metadata['output_tokens']} tokens"]
    if metadata["ttft_ms"] is not None:
        parts.append(f"{metadata['ttft_ms'] / 1000:.1f} s to first")
    parts.append(_money(metadata["total_cost_usd"]))
    if metadata["provider"]:
        parts.append(f"{metadata['provider']}/{metadata['model']}")
    return " · ".join(parts)


def _money(usd: float | None) -> str:
    if usd is None:
        return "price unknown"
    return f"${Decimal(str(usd)).normalize():f}"
