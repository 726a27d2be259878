"""Scoring: the seller's table as code, on the fields alone and under any evidence."""

import asyncio
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.grounding import seller
from agents.grounding.evidence import Checked, Found, Refused, Rules, checked
from agents.grounding.facts import ledger_of
from agents.grounding.lead import Lead
from agents.grounding.scoring import Evidence, from_fields, known, score_of, unknown
from agents.grounding.verifier import Backing
from tests.agents.models import AS_OF, BOOK, LEADS

PROFILE = asyncio.run(seller.current(None)).profile
SCORING = PROFILE.scoring
TODAY = date.fromisoformat(AS_OF)


def component(name, **fields):
    return from_fields(ledger_of(Lead(**fields)), PROFILE)[name]


def said(component, level, quote, *, by=None, notes=None, as_of=TODAY, **fields):
    """What evidence from these notes comes to."""
    ledger = ledger_of(Lead(notes=notes or quote, **fields))
    found = Found(component=component, level=level, quote=quote, by=by)
    return checked(found, Rules(Backing(ledger, PROFILE), SCORING, as_of))


def points(verdict):
    assert isinstance(verdict, Checked), verdict
    return verdict.component.points


def test_the_weights_are_those_of_the_book():
    assert BOOK["scoring"]["weights"] == SCORING.weights


@pytest.mark.parametrize("entry", LEADS.values(), ids=LEADS)
def test_fields_alone_never_score_above_the_whole_reading(entry):
    components = from_fields(ledger_of(Lead(**entry["lead"])), PROFILE)
    expected = entry["expected"]["components"]
    for name, found in components.items():
        if found.state != "unknown":
            assert (found.points, found.state) == (
                expected[name]["points"],
                expected[name]["state"],
            )
    score = score_of(components.values(), SCORING, disqualified=False)
    assert score.score <= entry["expected"]["score"]
    assert score.score_max >= score.score


@pytest.mark.parametrize(
    ("title", "state"),
    [
        ("VP Finance", "positive"),
        ("V.P., Finance", "positive"),
        ("vp of finance & accounting", "positive"),
        ("Co-Founder", "positive"),
        ("Product Marketing Manager", "partial"),
        ("Finance VP", "known_negative"),
        ("Office Manager", "known_negative"),
        ("最高財務責任者", "unknown"),
        ("CTO 最高技術責任者", "positive"),
        (None, "unknown"),
    ],
)
def test_a_persona_matches_when_all_its_words_stand_in_the_title_in_order(title, state):
    assert component("persona", title=title).state == state


@pytest.mark.parametrize(
    ("people", "points"),
    [(50, 12), (2000, 12), (25, 6), (24, 0), (4000, 6), (4001, 0), (0, 0)],
)
def test_size_counts_half_within_a_factor_of_two_of_a_bound(people, points):
    assert component("size", employee_count=people).points == points


@pytest.mark.parametrize(
    ("source", "points", "state"),
    [
        ("rfp", 5, "positive"),
        ("Trade fair", 3, "partial"),
        ("list_import", 0, "known_negative"),
        ("a friend", 0, "unknown"),
    ],
)
def test_intent_is_what_the_source_stands_for(source, points, state):
    found = component("intent", source=source)
    assert (found.points, found.state) == (points, state)


@pytest.mark.parametrize(
    ("quote", "points"),
    [
        ("live before February 1, 2027", 10),
        ("live by 21 February 2027", 10),
        ("live by 22 February 2027", 6),
        ("live by 22 May 2027", 6),
        ("live by 23 May 2027", 2),
        ("wir brauchen es bis zum 1. März 2027", 6),
        ("antes del 3 de febrero de 2027", 10),
        ("avant le 1er avril 2027", 6),
        ("2027年2月1日までに必要です", 10),
        ("we need this within six weeks", 10),
        ("we need it as soon as possible", 10),
        ("go live in Q2 2027", 2),
    ],
)
def test_a_deadline_is_read_by_code_and_counted_in_days(quote, points):
    assert said("timeline", "dated", quote).component.points == points


def test_the_date_in_the_quote_beats_the_one_that_the_model_gives():
    assert points(said("timeline", "dated", "live by May 30, 2027", by="2026-12-01")) == 2


def test_a_date_that_only_the_model_can_read_counts_by_its_word():
    assert points(said("timeline", "dated", "before the season begins", by="2027-01-10")) == 10


@pytest.mark.parametrize("quote", ["live by June 1, 2026", "when it suits us, no hurry at all"])
def test_a_deadline_that_is_over_or_unnamed_counts_for_nothing(quote):
    assert said("timeline", "dated", quote).code == "no_deadline"


@pytest.mark.parametrize(
    ("component", "level", "quote"),
    [
        ("metric", "quantified", "it takes us far too long"),
        ("budget", "allocated", "we are three people in a garage"),
        ("authority", "decides", "we like your product very much"),
        ("pain", "stated", "billing"),
        ("pain", "allocated", "everything is done by hand"),
        ("budget", "stated", "the budget is approved"),
    ],
)
def test_words_that_cannot_mean_such_a_thing_are_refused(component, level, quote):
    assert isinstance(said(component, level, quote), Refused)


def test_a_quote_of_our_own_side_is_no_evidence():
    messages = [{"role": "agent", "text": "Everything is done by hand, right?"}]
    verdict = said("pain", "stated", "Everything is done by hand", notes="Yes.", messages=messages)
    assert verdict == Refused("unbacked_quote", "pain: messages[0] was not said by the lead")


def test_a_title_in_another_script_is_read_by_the_model_and_quoted():
    verdict = said("persona", "senior", "最高財務責任者", notes="x", title="最高財務責任者")
    assert points(verdict) == 10
    assert verdict.component.evidence == Evidence(kind="field", ref="title")
    assert isinstance(said("persona", "senior", "CFO", notes="x", title="最高"), Refused)


LEVELS = [(name, level) for name, levels in SCORING.levels.items() for level in levels]


@given(st.lists(st.sampled_from(LEVELS), unique_by=lambda pair: pair[0]), st.data())
def test_removing_a_quote_never_raises_a_score(chosen, data):
    components = {name: unknown(name, SCORING) for name in SCORING.weights}
    evidence = Evidence(kind="quote", ref="notes", quote="x")
    components |= {name: known(name, level, evidence, SCORING) for name, level in chosen}
    before = score_of(components.values(), SCORING, disqualified=False)
    assert 0 <= before.score <= before.score_max <= 100
    if chosen:
        name, _ = data.draw(st.sampled_from(chosen))
        after = score_of(
            (components | {name: unknown(name, SCORING)}).values(), SCORING, disqualified=False
        )
        assert after.score <= before.score
        assert after.coverage <= before.coverage


def full(**levels):
    evidence = Evidence(kind="field", ref="x")
    best = {name: max(of, key=of.get) for name, of in SCORING.levels.items()} | levels
    return [
        known(name, level, evidence, SCORING) if level else unknown(name, SCORING)
        for name, level in best.items()
    ]


def tier(disqualified=False, **levels):
    return score_of(full(**levels), SCORING, disqualified=disqualified)


def test_what_gates_a_hot_lead_is_said():
    assert tier().tier == "hot"
    assert tier().gated_by == []
    frozen = tier(budget="refused")
    assert (frozen.tier, frozen.gated_by) == ("warm", ["budget is known to be negative"])
    assert tier(pain=None).gated_by == ["pain is not positive"]
    assert tier(disqualified=True).tier == "disqualified"


def test_little_is_known_before_anything_is_cold():
    nothing = dict.fromkeys(SCORING.weights)
    assert tier(**nothing).tier == "insufficient_data"
    assert tier(**nothing).score_max == 100
