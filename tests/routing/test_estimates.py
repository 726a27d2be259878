"""The estimates: how fast a candidate is now, over what was known of it beforehand."""

import asyncio

import pytest

import errors
from providers.base import Usage
from routing.ask import TaskType
from routing.catalog import Model
from routing.estimates import FADE_S, Estimate
from tests.routing.fakes import HANG, Fake, Pause, free, read, router_of, whole

PRIOR = Model(ttft_ms=200, speed=100)


class Clock:
    def __init__(self):
        self.now = 5000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def estimate(clock):
    return Estimate(PRIOR, clock=clock)


def test_before_the_first_answer_the_prior_stands(estimate):
    assert estimate.latency_ms(100) == 200 + 100 * 10


def test_a_peak_weighs_at_once(estimate):
    estimate.observe(5000, 20)
    assert estimate.latency_ms(100) == pytest.approx(5000 + 100 * 50)


def test_recovery_is_believed_step_by_step(estimate):
    estimate.observe(5000, 100)
    steps = []
    for _ in range(8):
        estimate.observe(200, 100)
        steps.append(estimate.ttft_ms)
    assert 200 < steps[-1] < 500
    assert steps == sorted(steps, reverse=True)
    assert 3000 < steps[0] < 5000


def test_the_newest_observation_weighs_most(clock):
    improving, worsening = Estimate(PRIOR, clock=clock), Estimate(PRIOR, clock=clock)
    for ms in (900, 600, 300):
        improving.observe(ms, None)
    for ms in (300, 600, 900):
        worsening.observe(ms, None)
    assert improving.ttft_ms < worsening.ttft_ms


def test_without_news_an_estimate_fades_back_to_the_prior(estimate, clock):
    estimate.observe(5000, 20)
    clock.now += FADE_S
    assert estimate.ttft_ms == pytest.approx(200 + 4800 * 0.3679, rel=0.001)
    clock.now += 10 * FADE_S
    assert estimate.latency_ms(100) == pytest.approx(1200, rel=0.001)


def test_an_answer_too_short_to_tell_its_speed_leaves_the_speed_alone(estimate):
    estimate.observe(300, None)
    assert (estimate.ttft_ms, estimate.tokens_per_second) == (300, 100)


def test_a_failure_would_have_taken_at_least_so_long(estimate):
    estimate.observe_failure(60_000)
    assert estimate.ttft_ms == 60_000


def test_a_quick_failure_is_no_sign_of_speed(estimate):
    estimate.observe_failure(1)
    assert estimate.ttft_ms == 200


def test_an_estimate_survives_a_restart_faded_by_the_time_that_passed(estimate):
    estimate.observe(5000, 20)
    state = estimate.to_state(wall=1_700_000_000.0)
    later = Estimate(PRIOR, clock=Clock())
    later.restore(state, wall=1_700_000_000.0 + FADE_S)
    assert later.ttft_ms == pytest.approx(200 + 4800 * 0.3679, rel=0.001)


def test_a_wall_clock_that_was_set_back_makes_no_estimate_older_than_new(estimate):
    estimate.observe(5000, 20)
    later = Estimate(PRIOR, clock=Clock())
    later.restore(estimate.to_state(wall=2_000_000_000.0), wall=1_000_000_000.0)
    assert later.ttft_ms == 5000


# In the router: the first specification's figures, on virtual time.

FIRST_SPECIFICATION = {
    "cerebras": {"prior": free(ttft_ms=233, speed=500, fitness={"default": 2})},
    "claude": {"prior": free(ttft_ms=1300, speed=200 / 2.726, fitness={"default": 3})},
}


def specified(cerebras):
    claude = Fake("claude", whole("hello"))
    return router_of(cerebras, claude, providers=(), catalog=FIRST_SPECIFICATION)


def quick(request):
    return [Pause(0.233), "w", *[Pause(0.002), "w"] * 199, *whole(usage=Usage(10, 200))]


def slow(request):
    return [Pause(8), *quick(request)]


@pytest.mark.anyio
async def test_within_a_second_qualification_goes_to_cerebras_and_claude_is_too_slow():
    reading = await read(specified(Fake("cerebras", quick)), max_latency_ms=1000)
    [route] = reading.of("route")
    assert (route["provider"], route["estimated_latency_ms"]) == ("cerebras", 633)
    claude = route["considered"][1]
    assert (claude["provider"], claude["verdict"]) == ("claude", "too_slow")
    assert "4026 ms" in claude["why"]


@pytest.mark.anyio
async def test_without_the_bound_the_fitter_one_answers():
    assert (await read(specified(Fake("cerebras", quick)))).asked == ["claude"]


@pytest.mark.anyio
async def test_who_becomes_slow_in_fact_loses_the_traffic_and_gets_it_back():
    cerebras = Fake("cerebras", quick, slow, quick)
    router = specified(cerebras)

    async def answered_by():
        return (await read(router, max_latency_ms=1000)).asked[-1]

    assert [await answered_by() for _ in range(2)] == ["cerebras", "cerebras"]
    assert await answered_by() == "claude", "after one slow answer"
    await asyncio.sleep(FADE_S / 2)
    assert await answered_by() == "claude", "not yet"
    await asyncio.sleep(5 * FADE_S)
    assert [await answered_by() for _ in range(2)] == ["cerebras", "cerebras"]


@pytest.mark.anyio
async def test_who_hangs_is_slow_too():
    router = specified(Fake("cerebras", [HANG]))
    first = await read(router, max_latency_ms=1000)
    assert first.asked == ["cerebras", "claude"], "the first one waits for the time-out"
    assert (await read(router, max_latency_ms=1000)).asked == ["claude"]


def estimated_ms(router):
    return router.explain(router.ask(TaskType.QUALIFICATION, "Who?", {})).picked.latency_ms


@pytest.mark.anyio
@pytest.mark.parametrize("patience", [Pause(25), HANG])
async def test_a_break_after_the_first_word_says_nothing_of_the_time_to_it(patience):
    router = router_of(Fake("a", ["word", patience, errors.Reset]))
    before = estimated_ms(router)
    await read(router)
    assert estimated_ms(router) == before


@pytest.mark.anyio
async def test_a_stop_says_nothing_of_speed():
    router = router_of(Fake("a", [Pause(50), "word", Pause(50), "word", *whole()]))
    before = estimated_ms(router)
    await read(router, leave_after=2)
    assert estimated_ms(router) == before
