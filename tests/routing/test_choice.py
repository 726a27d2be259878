"""The choice: a pure function of what is known about the candidates."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import notices
from routing.ask import Ask, TaskType, messages_of
from routing.catalog import Model
from routing.choice import Facts, choose


def facts(name, *, fitness=2, toy=False, context=10_000, rank=0, **more):
    provider, _, model = name.partition("/")
    known = Model(fitness={"default": fitness}, toy=toy, context=context)
    given = {"latency_ms": 500, "cost_usd": Decimal("0.001")} | more
    return Facts(provider=provider, model=model or "m", known=known, rank=rank, **given)


def asking(**said):
    return Ask(
        task_type=TaskType.QUALIFICATION, messages=messages_of(said.pop("prompt", "Who?")), **said
    )


def decide(*candidates, **said):
    return choose(candidates, asking(**said))


def picked(*candidates, **said):
    found = decide(*candidates, **said).picked
    return found and found.provider


def verdicts(*candidates, **said):
    return {c.provider: c.verdict for c in decide(*candidates, **said).considered}


def test_without_providers_the_fittest_is_picked():
    assert picked(facts("a", fitness=1), facts("b", fitness=3), facts("c", fitness=2)) == "b"


def test_a_request_that_is_like_another_task_is_ranked_as_that_one():
    quick = Model(fitness={"default": 1, "qualification": 3}, context=10_000)
    wise = Model(fitness={"default": 2}, context=10_000)
    both = [
        Facts(provider=name, model="m", known=known, rank=0)
        for name, known in (("quick", quick), ("wise", wise))
    ]
    assert picked(*both) == "quick"
    assert picked(*both, fit_as=TaskType.BDR) == "wise"


def test_of_the_equally_fit_the_cheapest_is_picked_and_an_unknown_price_comes_last():
    cheap, dear = facts("z", cost_usd=Decimal("0.001")), facts("b", cost_usd=Decimal("0.002"))
    assert picked(facts("a", cost_usd=None), dear, cheap) == "z"
    assert picked(facts("a", cost_usd=None), dear) == "b"


def test_of_the_equally_fit_and_dear_the_name_decides():
    assert picked(facts("b"), facts("a"), facts("c")) == "a"


def test_the_order_of_providers_is_the_ranking_whatever_is_fitter_or_cheaper():
    last = facts("a", rank=2, fitness=3, cost_usd=Decimal(0))
    decision = decide(last, facts("b", rank=1, fitness=1, cost_usd=Decimal(5)))
    assert decision.picked.provider == "b"
    assert decision.reason == "first of PROVIDERS that may be asked"


def test_among_the_models_of_one_provider_fitness_decides():
    small, large = facts("a/small", rank=1, fitness=1), facts("a/large", rank=1, fitness=3)
    assert decide(small, large).picked.model == "large"


def test_the_order_of_the_candidates_is_only_the_order_in_which_they_are_listed():
    candidates = [facts("a", fitness=1), facts("b", fitness=3), facts("c", open="down")]
    there, back = decide(*candidates), decide(*reversed(candidates))
    assert there.picked == back.picked
    assert there.considered == back.considered[::-1]


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ({"missing": "CLAUDE_KEY"}, "not_configured"),
        ({"gated": "it asked for rest"}, "gated"),
        ({"open": "five failures"}, "open"),
        ({"failed": "upstream_reset in this request"}, "failed"),
        ({"fitness": 0}, "unfit"),
    ],
)
def test_who_may_not_be_asked_says_why_and_the_next_one_is_picked(what, verdict):
    best = facts("a", **{"fitness": 3} | what)
    decision = decide(best, facts("b", fitness=1))
    assert decision.picked.provider == "b"
    assert decision.considered[0].verdict == verdict
    assert decision.considered[1].verdict == "chosen"
    assert all(c.why for c in decision.considered)


def test_prompt_and_answer_must_fit_into_the_context_together():
    small, prompt = facts("a", context=1000), "four" * 500
    assert picked(small, max_tokens=500, prompt=prompt) == "a"
    assert verdicts(small, max_tokens=501, prompt=prompt) == {"a": "too_long"}
    assert picked(small, max_tokens=501, prompt=prompt) is None, "no bound to be nearest to"


def test_the_system_prompt_is_part_of_the_prompt():
    small = facts("a", context=1000)
    assert verdicts(small, max_tokens=900, system="four" * 200) == {"a": "too_long"}


def test_the_bounds_keep_back_who_is_too_slow_or_too_dear():
    slow = facts("a", latency_ms=1001, fitness=3)
    dear = facts("b", cost_usd=Decimal("0.0101"), fitness=3)
    inside = facts("c", fitness=1, latency_ms=1000, cost_usd=Decimal("0.01"))
    said = {"max_latency_ms": 1000, "max_cost_usd": Decimal("0.01")}
    assert verdicts(slow, dear, inside, **said) == {"a": "too_slow", "b": "too_dear", "c": "chosen"}


def test_outside_the_bounds_the_nearest_is_picked_with_a_warning():
    slow, slower = facts("a", latency_ms=1200), facts("b", latency_ms=9000, fitness=3)
    decision = decide(slow, slower, max_latency_ms=1000)
    assert decision.picked.provider == "a"
    assert decision.reason.startswith("nearest to the bounds")
    assert [w["code"] for w in notices.of_decision(decision)] == ["outside_bounds"]


def test_the_nearest_is_nearest_to_the_bound_that_was_given():
    """A hundredfold price is not near because it comes quickly."""
    near = facts("a", cost_usd=Decimal("0.011"), latency_ms=900)
    dear = facts("b", cost_usd=Decimal("1"), latency_ms=100)
    assert picked(near, dear, max_cost_usd=Decimal("0.01")) == "a"
    assert picked(near, dear, max_cost_usd=Decimal("0.01"), max_latency_ms=50) == "a"


def test_somebody_inside_is_preferred_to_a_fitter_one_outside():
    assert picked(facts("a", fitness=3, latency_ms=1001), facts("b"), max_latency_ms=1000) == "b"


def test_strict_refuses_rather_than_go_outside_the_bounds():
    slow = facts("a", latency_ms=1200)
    assert picked(slow, max_latency_ms=1000, strict=True) is None
    refusal = notices.nobody(decide(slow, max_latency_ms=1000, strict=True))
    assert refusal.status == 503
    assert "about 1200 ms, bound 1000 ms" in refusal.detail


def test_an_unknown_price_passes_the_cost_bound_with_a_warning():
    decision = decide(facts("a", cost_usd=None), max_cost_usd=Decimal("0.01"))
    assert decision.event()["estimated_cost_usd"] is None
    assert [w["code"] for w in notices.of_decision(decision)] == ["price_unknown"]


def test_an_unknown_price_without_a_cost_bound_is_not_worth_a_warning():
    assert notices.of_decision(decide(facts("a", cost_usd=None))) == []


def test_an_unknown_price_is_excluded_by_strict_and_only_by_a_cost_bound():
    unpriced = facts("a", cost_usd=None)
    assert verdicts(unpriced, max_cost_usd=Decimal(1), strict=True) == {"a": "unpriced"}
    assert picked(unpriced, max_cost_usd=Decimal(1), strict=True) is None
    assert picked(unpriced, strict=True) == "a"


def test_who_is_asked_for_by_name_is_the_only_candidate():
    assert picked(facts("a", fitness=3), facts("b", fitness=0), provider="b") == "b"
    assert picked(facts("a"), facts("b", open="down"), provider="b") is None
    assert picked(facts("a"), provider="nobody") is None


def test_a_model_can_be_asked_for_by_its_full_name():
    decision = decide(facts("a/small"), facts("a/large", fitness=3), provider="a/small")
    assert decision.picked.model == "small"
    assert decision.reason == "asked for by name"


def test_a_model_that_is_fit_for_nothing_answers_where_providers_lists_it():
    assert picked(facts("scripted", fitness=0, rank=1)) == "scripted"
    assert picked(facts("scripted", fitness=0)) is None


# A toy shows that everything works. It must never pass for an adviser.


def test_a_toy_answers_where_no_other_provider_is_configured_and_says_what_it_is():
    decision = decide(facts("local", toy=True), facts("claude", missing="ANTHROPIC_API_KEY"))
    assert decision.picked.provider == "local"
    [warning] = notices.of_decision(decision)
    assert warning["code"] == "toy_model"
    assert "ANTHROPIC_API_KEY" in warning["detail"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"open": "five failures"},
        {"gated": "the key was refused"},
        {"failed": "upstream_reset in this request"},
        {"context": 10},
        {"latency_ms": 90_000},
        {"fitness": 0},
    ],
)
def test_a_toy_is_nobodys_failover_whatever_ails_the_others(trouble):
    others = facts("claude", **trouble)
    decision = decide(facts("local", toy=True), others, max_latency_ms=1000, strict=True)
    assert decision.picked is None
    assert decision.considered[0].verdict == "toy"


def test_a_toy_that_providers_ranks_first_is_still_nobodys_failover():
    ranked = facts("local", toy=True, rank=1), facts("claude", rank=2, open="down")
    assert picked(*ranked) is None


def test_a_toy_can_be_asked_for_by_name_beside_others():
    assert picked(facts("local", toy=True), facts("claude"), provider="local") == "local"


def test_a_toy_is_not_asked_for_what_it_is_not_fit_for_even_when_alone():
    assert verdicts(facts("local", toy=True, fitness=0, rank=1)) == {"local": "unfit"}


candidate_facts = st.builds(
    facts,
    st.sampled_from(["a/x", "a/y", "b", "c", "d"]),
    fitness=st.integers(0, 3),
    toy=st.booleans(),
    context=st.sampled_from([100, 10_000]),
    missing=st.sampled_from([None, None, "A_KEY"]),
    gated=st.sampled_from([None, None, "resting"]),
    open=st.sampled_from([None, None, "down"]),
    failed=st.sampled_from([None, None, "upstream_reset"]),
    latency_ms=st.floats(1, 5000),
    cost_usd=st.none() | st.decimals(0, 1, places=4),
)
bounds = st.fixed_dictionaries(
    {},
    optional={
        "max_latency_ms": st.floats(1, 5000),
        "max_cost_usd": st.decimals(0, 1, places=4),
        "strict": st.booleans(),
        "provider": st.sampled_from(["a", "a/x", "b", "e"]),
    },
)


@given(st.lists(candidate_facts, max_size=6, unique_by=lambda f: (f.provider, f.model)), bounds)
def test_every_decision_explains_everybody_and_picks_only_who_may_be_asked(candidates, said):
    decision = decide(*candidates, **said)
    chosen = [c for c in decision.considered if c.verdict == "chosen"]
    assert [(c.provider, c.model) for c in decision.considered] == [
        (f.provider, f.model) for f in candidates
    ]
    assert all(c.why for c in decision.considered)
    assert "possible" not in [c.verdict for c in decision.considered] or chosen
    if (one := decision.picked) is None:
        assert chosen == []
        assert isinstance(notices.nobody(decision).detail, str)
        return
    assert [(c.provider, c.model) for c in chosen] == [(one.provider, one.model)]
    assert {one.missing, one.gated, one.open, one.failed} == {None}
    inside = (
        one.latency_ms <= said.get("max_latency_ms", 1e9)
        and (one.cost_usd or 0) <= said.get("max_cost_usd", 1e9)
        and not (one.cost_usd is None and "max_cost_usd" in said and said.get("strict"))
    )
    assert inside or not said.get("strict")
    assert (decision.outside is None) == inside
    if one.known.toy and "provider" not in said:
        assert all(f.known.toy or f.missing for f in candidates)
