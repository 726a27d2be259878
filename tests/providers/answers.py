"""What the tests of this folder ask, and what they got."""

from dataclasses import dataclass, field

import errors
from providers.base import Finish, Message, Request, Text, Thinking, Usage


def asking(provider, prompt="Who are you?", **fields):
    fields = {"model": provider.models()[0], "max_tokens": 50} | fields
    return Request(messages=(Message("user", prompt),), **fields)


@dataclass
class Got:
    """One answer, as far as it came."""

    chunks: list = field(default_factory=list)
    fault: errors.Fault | None = None

    @property
    def text(self):
        return "".join(c.content for c in self.chunks if isinstance(c, Text))

    @property
    def thoughts(self):
        return "".join(c.content for c in self.chunks if isinstance(c, Thinking))

    @property
    def usage(self):
        return next((c for c in reversed(self.chunks) if isinstance(c, Usage)), None)

    @property
    def finish(self):
        found = [c.reason for c in self.chunks if isinstance(c, Finish)]
        assert len(found) <= 1
        assert not found or isinstance(self.chunks[-1], Finish)
        return found[0] if found else None


async def answered(provider, request=None, *, leave_after=None):
    """Everything that one answer gives, or its first `leave_after` chunks of text."""
    got = Got()
    try:
        async with provider.answer(request or asking(provider)) as chunks:
            async for chunk in chunks:
                got.chunks.append(chunk)
                if isinstance(chunk, Text) and leave_after == len(got.text):
                    break
    except errors.Fault as fault:
        got.fault = fault
    return got
