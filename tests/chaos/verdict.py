"""What is wrong with a round: each promise of a stream against what readers and vendors have.

The log as the server replays it at the end is the measure; that it is on the disk is the recovery's
doing. The vendors' own records are the measure of what an answer costs.
"""

from collections import Counter
from dataclasses import dataclass, fields
from decimal import Decimal

from tests.chaos.world import asked, words
from tests.serving import numbered, text

TERMINAL = ("complete", "error", "stopped")
MILLION = Decimal(1_000_000)


@dataclass
class Count:
    """What is added up over rounds; the second half should be 0."""

    kills: int = 0
    streams: int = 0
    readers: int = 0
    reconnects: int = 0
    terminal_events: int = 0
    attempts_reported: int = 0
    attempts_estimated: int = 0
    lost: int = 0
    doubled: int = 0
    gaps: int = 0
    unequal: int = 0
    """Readers whose bytes are not the log's."""
    open: int = 0
    cost_mismatch: int = 0
    wrong: int = 0
    """Anything else."""

    def __add__(self, other):
        return Count(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


FAULTS = ("lost", "doubled", "gaps", "unequal", "open", "cost_mismatch", "wrong")


def judge(played):
    """`(count, faults)`: numbers, and a sentence for each thing that is wrong."""
    count, faults = Count(kills=len(played.kills), streams=len(played.streams)), []
    count.open = played.open
    if len(played.streams) != len(played.plan.streams):
        faults.append("not every start was answered")
    for stream in played.streams:
        told = [f"stream {stream.started['stream_id']}: {why}" for why in _log(stream, count)]
        told += [f"reader of {r.stream_id}: {why}" for r in stream.readers
                 for why in _reader(stream, r, count)]  # fmt: skip
        told += [f"{stream.started['stream_id']} costs: {why}" for why in _cost(stream, played)]
        faults += told
        _count_attempts(stream, count)
    count.cost_mismatch = sum(" costs: " in fault for fault in faults)
    count.wrong = sum(fault.startswith(("stream ", "not ")) for fault in faults)
    if count.open:
        faults.append(f"{count.open} rows are not terminal")
    return count, faults


def _log(stream, count):
    ids, events = zip(*numbered(stream.log), strict=True)
    types = [event["type"] for event in events]
    ends = sum(kind in TERMINAL for kind in types)
    count.terminal_events += ends
    if ids != tuple(range(1, len(ids) + 1)):
        count.gaps += 1
        yield f"its ids are not dense: {ids}"
    if ends != 1 or types[-1] not in TERMINAL:
        yield f"{ends} terminal events, the last event is {types[-1]}"
    status = {"complete": "success", "error": "failed", "stopped": "stopped"}.get(types[-1])
    if stream.execution["status"] != status:
        yield f"ends as {types[-1]}, and its row is {stream.execution['status']}"
    if types[-1] == "complete" and text(stream.log) != _said(stream):
        yield f"its words are not the ones that were said: {text(stream.log)!r}"
    if events[-1].get("error", {}).get("code") in ("internal", "storage", "interrupted"):
        yield f"failed by our own doing: {events[-1]['error']}"


def _said(stream):
    return "".join(words(*asked(stream.asked)))


def _reader(stream, reader, count):
    got, held = _blocks(reader.seen), _blocks(stream.log)
    count.readers += 1
    count.reconnects += reader.connections - 1
    count.lost += len(set(held) - set(got))
    count.doubled += len(got) - len(set(got))
    if reader.seen != stream.log:
        count.unequal += 1
        yield f"has not what the log has, byte for byte ({len(got)} of {len(held)} events)"


def _blocks(body):
    return body.split(b"\n\n")[:-1]


def _cost(stream, played):
    """What is marked as reported is what the vendor sent, once; the sum is the sum."""
    if (metadata := stream.execution["metadata"]) is None:
        return
    attempts = metadata["attempts"]
    sent = [a for a in played.attempts if asked(a.body) == asked(stream.asked)]
    billed = Counter((a.vendor, a.model, a.usage_sent) for a in sent if a.usage_sent)
    for attempt in attempts:
        yield from _billed(attempt, billed, played.prices)
    if len(sent) > len(attempts) + len(played.kills):
        yield f"{len(sent)} requests, and {len(attempts)} attempts in the receipt"
    if metadata["total_cost_usd"] != sum(a["cost_usd"] for a in attempts):
        yield f"the total {metadata['total_cost_usd']} is not the attempts' sum"
    if attempts and attempts[-1]["outcome"] == "ok" and attempts[-1]["usage_source"] != "reported":
        yield "the vendor has counted, and the receipt has an estimate"


def _billed(attempt, billed, prices):
    """An attempt that is marked as reported, against what the vendor sent, each once."""
    usage = (attempt["input_tokens"], attempt["output_tokens"])
    if attempt["usage_source"] != "reported" or usage == (0, 0):
        return
    model = (attempt["provider"], attempt["model"])
    if not billed[*model, usage]:
        yield f"{usage} of {model} was never sent, or is in the receipt twice"
    billed[*model, usage] -= 1
    if attempt["cost_usd"] != _priced(usage, prices[model]):
        yield f"{usage} of {model} costs {attempt['cost_usd']} at {prices[model]}"


def _priced(usage, price):
    return (usage[0] * price["input"] + usage[1] * price["output"]) / MILLION


def _count_attempts(stream, count):
    receipt = stream.execution["metadata"] or {"attempts": []}
    sources = [attempt["usage_source"] for attempt in receipt["attempts"]]
    count.attempts_reported += sources.count("reported")
    count.attempts_estimated += len(sources) - sources.count("reported")
