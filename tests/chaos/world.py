"""The vendors of a round: what they say, what they count, and how badly one can reach them.

Every stream has a number and a length, its message says both, and each vendor answers with the same
words: so it is known what a reader should have at the end, whoever answered and from where.
"""

import contextlib
import json
import re

from tests.chaos.proxy import FaultProxy, Weather
from tests.upstream.faults import CutAfter, Status
from tests.upstream.vendors import FakeVendors

NAMES = ("cerebras", "claude", "deepseek", "ollama")
MODELS = {"CLAUDE_MODEL": "claude-sonnet-4-20250514", "CEREBRAS_MODEL": "llama3.1-8b"}
ASKED = re.compile(r"Say answer (\d+) in (\d+) words")
WEATHER = Weather(latency_s=0.002, slices=True, cut_share=0.03)


def message(number, length):
    return f"Say answer {number} in {length} words, please."


def words(number, length):
    return [f"word{number}x{place} " for place in range(length)]


def asked(body):
    """`(number, length)` of the stream for which a vendor was asked."""
    return tuple(map(int, ASKED.findall(json.dumps(body))[-1]))


def said(body):
    """The answer's pieces; what the vendor is given as the answer's beginning is not repeated."""
    pieces = words(*asked(body))
    last = body["messages"][-1]
    if last["role"] != "assistant":
        return pieces
    whole = "".join(pieces)
    if not whole.startswith(last["content"]):
        raise ValueError(f"no beginning of this answer: {last['content']!r}")
    rest = whole[len(last["content"]) :]
    return re.findall(r"\S* ?", rest)[:-1] or [rest]


@contextlib.asynccontextmanager
async def vendors(dice):
    """Fake vendors behind a fault proxy. Yields them, and the environment that leads to them."""
    with FakeVendors() as known:
        async with FaultProxy(WEATHER, dice) as proxy:
            proxy.target = int(known.url.rpartition(":")[2])
            for name in NAMES:
                known.says(
                    name,
                    said,
                    pace_s=dice.uniform(0.02, 0.04),
                    input_tokens=dice.randint(20, 2000),
                    output_tokens=dice.randint(20, 500),
                )
                known.fails(name, *_faults(dice))
            there = {
                variable: value.replace(known.url, f"http://127.0.0.1:{proxy.port}")
                for variable, value in known.env().items()
            }
            yield known, there | MODELS


def _faults(dice):
    """What the first attempts meet: refused before a word, or cut after a few."""
    kinds = (Status(503), Status(500), CutAfter(dice.randint(1, 8)))
    return [dice.choice(kinds) for _ in range(dice.randint(0, 3))]
