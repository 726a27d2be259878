"""A qualification by a model that gives a certain answer, and what it came to."""

import re

from agents.qualification import Qualification
from tests.agents.models import AS_OF
from tests.agents.reference import model, result, run

HARM = re.compile(r"attacker|2,000,000|onerror|!\[|<\w|\$999|45%")
"""What no reader may be shown of any attack."""


async def qualified(answer, lead, *, as_of=AS_OF, **more):
    """The events of a qualification by a model that gives this answer."""
    agent, _ = model(Qualification, answer, lead=lead)
    return await run(agent, as_of=as_of, **more)


def components(found):
    """As the book has them."""
    return {
        c["name"]: {
            **{name: c[name] for name in ("points", "max", "state")},
            "evidence": c["evidence"] and {k: v for k, v in c["evidence"].items() if v},
        }
        for c in found["components"]
    }


def judgement(events):
    """What no wording and no attack may change."""
    end = result(events)
    return {name: end[name] for name in ("score", "score_max", "tier", "coverage", "components")}


def assert_judged(found, expected):
    """The judgement alone: who writes to models loses marketing, and nothing of the score."""
    assert components(found) == expected["components"]
    assert found["score"] == expected["score"]
    assert found["tier"] == expected["tier"]
    assert found["coverage"] == expected["coverage"]
    assert found["score_max"] == expected["score_if_all_unknowns_turn_out_good"]
    assert found["gated_by"] == expected["gated_by"]
    assert found["next_action"]["code"] == expected["next_action"]
