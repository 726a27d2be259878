"""Whatever fails, wherever: what a reader may rely on, over random faults at random words."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import errors
from providers.base import Finish, Usage
from tests.routing.fakes import Fake, read, receipt_of, router_of

pytestmark = pytest.mark.anyio

TEXT = [f"w{n} " for n in range(6)]
"""What every model would say, so that a word that comes twice is seen."""

FAULTS = [
    errors.Unreachable,
    errors.UpstreamError,
    errors.Reset,
    errors.Truncated,
    errors.Rejected,
    errors.EmptyAnswer,
    errors.Unauthorized,
    errors.Throttled,
    errors.Throttled("as told", retry_after_s=2),
]


@st.composite
def answers(draw):
    """From the prefix on, and to the end or up to a fault."""
    fault = draw(st.none() | st.sampled_from(FAULTS))
    words = draw(st.integers(0, len(TEXT)))
    counted = draw(st.booleans())

    def answer(request):
        rest = TEXT[len(request.prefix.split()) :]
        if fault is not None:
            return [*rest[:words], fault]
        return [*rest, *([Usage(10, len(rest))] if counted else []), Finish("stop")]

    return answer


@st.composite
def providers(draw):
    return [
        Fake(
            name, *draw(st.lists(answers(), min_size=1, max_size=4)), continues=draw(st.booleans())
        )
        for name in draw(st.sampled_from(["a", "ab", "abc"]))
    ]


requests = st.fixed_dictionaries(
    {},
    optional={
        "on_failure": st.sampled_from(["restart", "continue", "fail"]),
        "schema": st.just({"type": "object"}),
        "leave_after": st.integers(1, 12),
    },
)
settings_of_the_router = st.fixed_dictionaries(
    {"retry_attempts": st.integers(0, 2), "breaker_threshold": st.integers(1, 5)}
)


@hypothesis_settings(max_examples=400)
@given(providers(), requests, settings_of_the_router)
async def test_a_reader_never_sees_words_twice_nor_two_ends(fakes, said, settings):
    router = router_of(*fakes, **settings)
    receipt = receipt_of(router)
    reading = await read(router, receipt=receipt, **said)

    assert_words_come_once_and_in_order(reading)
    assert_one_end(reading, left="leave_after" in said)
    assert_seams(reading, said)
    assert [fake.open for fake in fakes] == [0] * len(fakes)
    assert all(attempt.outcome is not None for attempt in receipt.attempts)
    sent = [a for a in receipt.attempts if a.outcome != "cancelled"]
    assert len(sent) <= sum(fake.calls for fake in fakes) <= len(receipt.attempts)


def assert_words_come_once_and_in_order(reading):
    """Between two resets, the beginning of the text and nothing else."""
    shown = []
    for event in [*reading.events, {"type": "reset"}]:
        if event["type"] == "token":
            shown.append(event["content"])
        elif event["type"] == "reset":
            assert shown == TEXT[: len(shown)]
            shown = []


def assert_one_end(reading, left):
    ends = [event for event in reading.events if event["type"] == "complete"]
    assert len(ends) + (reading.error is not None) == 1 or (left and not ends)
    if ends:
        assert reading.events[-1] is ends[0]
        assert reading.text == "".join(TEXT)
        assert [a["outcome"] for a in ends[0]["metadata"]["attempts"]][-1] == "ok"
    if reading.error is not None:
        assert isinstance(reading.error, errors.Fault)


def assert_seams(reading, said):
    """At most one; a reset goes to another candidate, a stitch to the same one."""
    resets = reading.of("reset")
    stitches = [route for route in reading.of("route") if route.get("stitched")]
    assert len(resets) <= 1
    assert len(stitches) <= 1
    if said.get("on_failure") == "fail":
        assert resets == stitches == []
    if said.get("on_failure") != "continue" or "schema" in said:
        assert stitches == []
    named = []
    for event in reading.events:
        if event["type"] == "reset":
            assert event["provider"] not in named
        if event["type"] == "route":
            assert event["provider"] not in named or event.get("stitched")
            named.append(event["provider"])
