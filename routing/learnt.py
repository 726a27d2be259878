"""What was learnt of a candidate, in the shape in which it is kept over a restart.

The parts write it themselves (`to_state`). Here it is only checked, whole and before any part takes
it up: a row that an older version or a hand has left behind must not fail at the next decision.
"""

from typing import Annotated, TypedDict

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]


class GateState(TypedDict):
    fingerprint: str
    left_s: float
    code: str
    why: str
    at: float


class BreakerState(TypedDict):
    state: str
    open_left_s: float
    open_s: float
    why: str
    at: float


class EstimateState(TypedDict):
    ttft_ms: Annotated[float, msgspec.Meta(ge=0)]
    token_ms: Positive
    at: float


class Learnt(TypedDict):
    """One candidate's parts; every `at` is the Unix time of saving."""

    gate: GateState
    breaker: BreakerState
    estimate: EstimateState


def learnt_from(state: object) -> Learnt:
    """A stored state. Raises msgspec.ValidationError, which names what does not fit."""
    return msgspec.convert(state, Learnt)
