"""A vendor's token counts as they come in: totals, of which the last and the highest is true."""

from collections.abc import Iterator

import msgspec

from providers.base import Usage


class Meter:
    """Counts never fall, in whatever order and however often a vendor reports them."""

    def __init__(self) -> None:
        self._read = Usage()

    def read(self, usage: Usage) -> Iterator[Usage]:
        """The new totals, where `usage` says anything new."""
        pairs = zip(_counts(self._read), _counts(usage), strict=True)
        totals = Usage(*map(max, pairs))
        if totals != self._read:
            self._read = totals
            yield totals


def _counts(usage: Usage) -> tuple[int, ...]:
    counts: tuple[int, ...] = msgspec.structs.astuple(usage)
    return counts
