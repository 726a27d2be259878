"""Failover: who takes over when somebody fails, and what the reader sees of it."""

import pytest

import errors
from routing.ask import Begun
from tests.routing.fakes import HANG, Fake, free, read, receipt_of, router_of, whole

pytestmark = pytest.mark.anyio

BREAKS = ["one ", "two ", errors.Reset]


def goes_on(request):
    """What a model that takes its own words as a beginning says after them."""
    text = "one two three"
    assert text.startswith(request.prefix)
    return whole(text[len(request.prefix) :])


async def test_before_the_first_word_the_next_one_takes_over_without_a_reset():
    dead, other = Fake("a", [errors.Unreachable]), Fake("b", whole("hello"))
    reading = await read(router_of(dead, other))
    assert reading.types == ["route", "route", "token", "complete"]
    assert reading.asked == ["a", "b"]
    assert [a["outcome"] for a in reading.metadata["attempts"]] == ["failed", "ok"]


async def test_the_next_route_says_what_became_of_the_last_one():
    reading = await read(router_of(Fake("a", [errors.Unreachable]), Fake("b")))
    a, b = reading.of("route")[1]["considered"]
    assert (a["verdict"], b["verdict"]) == ("failed", "chosen")
    assert "provider_unavailable" in a["why"]


async def test_a_fault_that_retrying_cannot_help_may_still_be_answered_by_another():
    """A model that was withdrawn, a key that was refused: the next vendor knows nothing of it."""
    for fault in (errors.ModelNotFound, errors.Unauthorized, errors.Rejected, errors.TlsFailure):
        reading = await read(router_of(Fake("a", [fault]), Fake("b", whole("hello"))))
        assert reading.text == "hello"


async def test_restart_takes_back_what_was_shown_and_tells_the_whole_of_the_next_one():
    breaks, other = Fake("a", BREAKS), Fake("b", whole("uno ", "dos"))
    reading = await read(router_of(breaks, other))
    assert reading.types == ["route", "token", "reset", "route", "token", "complete"]
    assert reading.of("reset") == [{"type": "reset", "reason": "failover", "provider": "b"}]
    assert reading.text == "uno dos"
    assert other.requests[0].prefix == ""


async def test_restart_is_done_once():
    readings = await read(router_of(*(Fake(name, BREAKS) for name in "abc")))
    assert isinstance(readings.error, errors.Reset)
    assert readings.asked == ["a", "b"]
    assert readings.text == "one two ", "what was shown last stays"


async def test_after_the_restart_who_fails_before_a_word_is_passed_over_in_silence():
    chain = Fake("a", BREAKS), Fake("b", [errors.Unreachable]), Fake("c", whole("hello"))
    reading = await read(router_of(*chain))
    assert reading.types == ["route", "token", "reset", "route", "route", "token", "complete"]
    assert reading.text == "hello"


async def test_without_anybody_to_take_over_the_words_stay_and_no_reset_is_sent():
    reading = await read(router_of(Fake("a", BREAKS)))
    assert isinstance(reading.error, errors.Reset)
    assert reading.types == ["route", "token"]
    assert reading.text == "one two "


async def test_fail_keeps_the_words_and_ends():
    breaks, other = Fake("a", BREAKS), Fake("b")
    reading = await read(router_of(breaks, other), on_failure="fail")
    assert isinstance(reading.error, errors.Reset)
    assert (reading.text, reading.of("reset"), other.calls) == ("one two ", [], 0)


async def test_fail_is_about_words_shown_not_about_a_silent_failover():
    reading = await read(
        router_of(Fake("a", [errors.Unreachable]), Fake("b", whole("hello"))), on_failure="fail"
    )
    assert reading.text == "hello"


async def test_the_last_fault_is_what_is_told_when_all_have_failed():
    reading = await read(router_of(Fake("a", [errors.Unreachable]), Fake("b", [errors.Rejected])))
    assert isinstance(reading.error, errors.Rejected)


async def test_who_is_asked_for_by_name_has_no_failover():
    dead, other = Fake("a", [errors.Unreachable]), Fake("b")
    reading = await read(router_of(dead, other), provider="a")
    assert isinstance(reading.error, errors.Unreachable)
    assert other.calls == 0


async def test_with_nobody_configured_the_refusal_says_what_to_set():
    reading = await read(router_of(Fake("a", missing="A_KEY")))
    assert isinstance(reading.error, errors.NoCandidate)
    assert "A_KEY is not set" in reading.error.detail
    assert "LEADSTREAM_LOCAL_MODEL" in reading.error.detail


# continue: the same model goes on from its own words, where it can.


async def test_continue_goes_on_from_the_words_shown_without_a_reset():
    breaks = Fake("a", BREAKS, goes_on, continues=True)
    reading = await read(router_of(breaks, Fake("b")), on_failure="continue")
    assert reading.types == ["route", "token", "route", "token", "complete"]
    assert reading.text == "one two three"
    first, second = reading.of("route")
    assert "stitched" not in first
    assert (second["provider"], second["stitched"]) == ("a", True)
    assert "own words" in second["reason"]
    assert breaks.requests[1].prefix == "one two "
    assert [a["outcome"] for a in reading.metadata["attempts"]] == ["failed", "ok"]


async def test_the_words_that_are_sent_again_are_counted_as_prompt():
    breaks = Fake("a", ["four" * 50, errors.Reset], ["more", HANG], continues=True)
    router = router_of(breaks)
    receipt = receipt_of(router)
    await read(router, on_failure="continue", receipt=receipt, leave_after=4, prompt="four" * 10)
    assert [(a.input_tokens, a.output_tokens) for a in receipt.attempts] == [(10, 50), (60, 1)]


@pytest.mark.parametrize(
    ("continues", "schema"), [(False, None), (True, {"type": "object"}), (False, {})]
)
async def test_a_model_that_cannot_continue_is_followed_by_the_next_one_as_in_restart(
    continues, schema
):
    breaks, other = Fake("a", BREAKS, continues=continues), Fake("b", whole("uno ", "dos"))
    reading = await read(router_of(breaks, other), on_failure="continue", schema=schema)
    assert reading.types == ["route", "token", "reset", "route", "token", "complete"]
    assert reading.asked == ["a", "b"]
    assert reading.text == "uno dos"


async def test_a_model_whose_breaker_has_opened_is_not_continued():
    breaks, other = Fake("a", BREAKS, continues=True), Fake("b", whole("uno"))
    reading = await read(router_of(breaks, other, breaker_threshold=1), on_failure="continue")
    assert reading.asked == ["a", "b"]
    assert (reading.text, len(reading.of("reset"))) == ("uno", 1)


async def test_a_continuation_that_brings_no_word_is_followed_by_the_next_one():
    """A vendor that broke off is often unreachable a moment later."""
    breaks = Fake("a", BREAKS, [errors.Unreachable], continues=True)
    reading = await read(router_of(breaks, Fake("b", whole("uno"))), on_failure="continue")
    assert reading.asked == ["a", "a", "b"]
    assert (reading.text, len(reading.of("reset"))) == ("uno", 1)


async def test_an_answer_is_continued_once():
    breaks = Fake("a", BREAKS, ["three ", errors.Reset], continues=True)
    other = Fake("b")
    reading = await read(router_of(breaks, other), on_failure="continue")
    assert isinstance(reading.error, errors.Reset)
    assert (reading.text, other.calls) == ("one two three ", 0)


# An answer that an earlier process began.


async def test_a_begun_answer_is_gone_on_with_by_its_own_model():
    first, second = Fake("a"), Fake("b", goes_on, continues=True)
    begun = Begun("b/m", "one ")
    reading = await read(router_of(first, second), on_failure="continue", begun=begun)
    assert reading.types == ["route", "token", "complete"]
    assert reading.of("route")[0]["stitched"] is True
    assert reading.text == "two three"
    assert (first.calls, second.requests[0].prefix) == (0, "one ")


async def test_a_begun_answer_that_cannot_be_continued_begins_anew_behind_a_reset():
    first, second = Fake("a", whole("uno")), Fake("b")
    begun = Begun("b/m", "one ")
    reading = await read(router_of(first, second), on_failure="continue", begun=begun)
    assert reading.types == ["reset", "route", "token", "complete"]
    assert reading.of("reset")[0]["reason"] == "recovered"
    assert first.requests[0].prefix == ""


async def test_a_begun_answer_of_a_model_that_is_gone_begins_anew_too():
    begun = Begun("gone/m", "one ")
    reading = await read(router_of(Fake("a", whole("uno"))), on_failure="continue", begun=begun)
    assert reading.types == ["reset", "route", "token", "complete"]


# Toys, in the router.


async def test_a_toy_takes_over_from_nobody():
    catalog = {"vendor": {"m": free()}, "local": {"m": free(toy=True)}}
    toy = Fake("local")
    for answer in ([errors.Unauthorized], [errors.Reset], BREAKS):
        vendor = Fake("vendor", answer)
        router = router_of(vendor, toy, catalog=catalog, breaker_threshold=1)
        for _ in range(3):
            assert (await read(router)).error is not None
    assert toy.calls == 0
    assert (await read(router, provider="local")).text == "hello"
