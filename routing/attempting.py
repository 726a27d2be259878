"""An attempt: one call to one candidate, counted, and told to all who learn from it.

deadline ( provider ) is below it, the breaker above. Whatever road it is left by, the vendor's
socket is closed first and then the Receipt has an outcome.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from errors import BudgetReached, Fault, Problem, TotalTimeout
from providers.base import Chunk, Finish, Request, Text, Thinking, Usage
from resilience.deadline import Deadline
from routing.candidates import Candidate
from routing.meter import LONGEST_TOKEN, Meter


class Outgoing(NamedTuple):
    """An attempt has its breaker's permit and stands in the Receipt; its request goes out next."""


Steps = AsyncGenerator[Chunk | Outgoing, None]
"""Outgoing, then the chunks of the answer."""


async def attempt(
    candidate: Candidate, request: Request, meter: Meter, deadline: Deadline
) -> Steps:
    """One request: deadline ( provider ), and what it came to in the Receipt.

    An answer that does not end is cut, by our own count of words or by the clock: it was one.
    """
    with _told(candidate, meter):
        yield Outgoing()
        await candidate.source.loaded()  # no vendor's time: its timers begin with the request
        longest = request.max_tokens * LONGEST_TOKEN
        meter.send()
        with deadline.watch() as watch:
            watch.wait()
            async with candidate.source.answer(request) as chunks:
                async for chunk in chunks:
                    watch.came(content=type(chunk) is Text)
                    if type(chunk) is Text:
                        meter.text(chunk.content)
                    else:
                        _count(meter, chunk)
                    yield chunk
                    if meter.characters > longest:
                        meter.cut()
                        break
                    watch.wait()


@contextmanager
def _told(candidate: Candidate, meter: Meter) -> Iterator[None]:
    """However an attempt ends: its outcome in the Receipt, and what others learn of it."""
    try:
        yield
    except TotalTimeout as late:
        if meter.ttft_ms is None:
            meter.end("failed", late)
            raise
        meter.cut()
    except (asyncio.CancelledError, GeneratorExit, BudgetReached):
        meter.end("cancelled")
        raise
    except Fault as fault:
        meter.end("failed", fault)
        candidate.gate.note(fault)
        if fault.blame == "failure":
            candidate.estimate.observe_failure(meter.waited_ms)
        raise
    except Exception:
        meter.end("failed", Problem("A bug of ours."))
        raise
    meter.end("ok")
    candidate.estimate.observe(meter.ttft_ms, meter.speed)


def is_text(chunk: object) -> bool:
    return type(chunk) is Text


def _count(meter: Meter, chunk: Chunk) -> None:
    """What a chunk that is no words adds to the attempt's account."""
    if isinstance(chunk, Usage):
        meter.usage(chunk)
    elif isinstance(chunk, Thinking):
        meter.thinking(chunk.content)
    elif isinstance(chunk, Finish):
        meter.attempt.finish_reason = chunk.reason
