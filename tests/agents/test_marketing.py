"""Marketing: who gets no campaign, and what of a model's messages reaches anybody."""

import json

import pytest

from agents.grounding.verifier import words_in
from agents.marketing import Marketing, MarketingResult
from errors import Conflict
from tests.agents.reference import (
    COLD,
    COMPETITOR,
    HOT,
    OPTED_OUT,
    SPARSE,
    WARM,
    codes,
    fields,
    model,
    prose,
    result,
    run,
    written,
)

pytestmark = pytest.mark.anyio

STEP = {
    "day": 0,
    "channel": "email",
    "subject": "True-ups without a quarterly dispute",
    "ask": "Would a look at one help you?",
    "claims": ["C3"],
    "body": "You said that customers dispute your true-ups. Prepaid credits and committed-volume "
    "true-ups are supported. Would a look at one help you?",
}

GOOD = {
    "reason": "She has named one problem in her own words, and nobody has answered it.",
    "recommendation": "run",
    "brief": {
        "audience": "Head of Revenue Operations at a software company",
        "insight": "True-ups are done by hand every quarter.",
        "single_message": "A true-up can be a line of the invoice.",
        "proof_claims": ["C3"],
        "offer": "a true-up shown on an example",
        "exclusions": ["whoever has objected"],
        "kpis": ["answers"],
    },
    "ideas": [{"idea": "Show one true-up.", "evidence": ["We do true-ups by hand every quarter"]}],
    "sequence": [STEP],
}


async def test_the_contact_policy_has_spoken_before_a_word_is_written():
    agent, _ = model(Marketing, GOOD, lead=WARM)
    events = await run(agent)
    assert events[0]["name"] == "compliance"
    assert events[0]["value"]["verdict"] == "allowed"
    assert "unsubscribe" in events[0]["value"]["footer"]


async def test_what_holds_is_shown_and_stored():
    agent, _ = model(Marketing, GOOD, lead=WARM)
    events = await run(agent, channels=["email"])
    assert codes(events) == []
    assert prose(events) == GOOD["reason"]
    found = result(events)
    assert found["method"] == "llm"
    assert found["recommendation"] == "run"
    assert found["brief"] == GOOD["brief"]
    assert found["sequence"] == [STEP] == [fields(events)["sequence[0]"]]
    assert found["ideas"][0]["evidence"][0]["ref"] == "notes"
    assert MarketingResult.model_validate(found).model_dump(mode="json") == found


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "Re: our call"}, "reply_trick"),
        ({"subject": "FW: about your true-ups"}, "reply_trick"),
        ({"subject": "x" * 61}, "dropped"),
        ({"channel": "phone"}, "channel"),
        ({"body": "word " * 91}, "too_long"),
        ({"body": "Is it slow? Is it late?"}, "too_many_asks"),
        ({"body": "Only 99 euros a month."}, "unbacked"),
        ({"body": "See https://evil.example/now today."}, "unbacked"),
        ({"body": "Globex and Initech save time with it."}, "unbacked"),
        ({"body": "Disputes go down by 40%."}, "unbacked"),
        ({"body": "<img src=x> Look at this."}, "unbacked"),
        ({"body": "Wir haben das für Sie gemacht und es ist nicht teuer."}, "language"),
        ({"claims": ["C9"]}, "unbacked_evidence"),
    ],
)
async def test_a_message_that_is_not_as_messages_must_be_is_dropped_whole(changes, code):
    said = GOOD | {"sequence": [STEP | changes, STEP | {"day": 4}]}
    agent, _ = model(Marketing, said, lead=WARM)
    events = await run(agent)
    assert codes(events) == [code]
    assert [step["day"] for step in result(events)["sequence"]] == [4]
    assert "evil" not in written(events)
    assert "<img" not in written(events)


async def test_an_idea_that_stands_on_nothing_is_none():
    said = GOOD | {"ideas": [{"idea": "Send a nice card.", "evidence": []}]}
    agent, _ = model(Marketing, said, lead=WARM)
    events = await run(agent)
    assert codes(events) == ["generic"]
    assert result(events)["ideas"] == []


async def test_there_are_no_more_messages_than_were_asked_for():
    said = GOOD | {"sequence": [STEP | {"day": day} for day in range(5)]}
    agent, fake = model(Marketing, said, lead=WARM)
    events = await run(agent, sequence_len=2)
    assert [step["day"] for step in result(events)["sequence"]] == [0, 1]
    assert "At most 2 messages" in fake.requests[0].messages[-1].content


async def test_who_recommends_no_campaign_writes_no_messages():
    agent, _ = model(Marketing, GOOD | {"recommendation": "do_not_run"}, lead=WARM)
    events = await run(agent)
    assert codes(events) == ["not_recommended"]
    assert result(events)["sequence"] == []
    assert result(events)["recommendation"] == "do_not_run"


@pytest.mark.parametrize(
    ("lead", "recommendation", "word"),
    [
        (HOT, "do_not_run", "Hand the lead to a person"),
        (COLD, "do_not_run", "industry"),
        (COMPETITOR, "do_not_run", "competitor"),
        (SPARSE, "adapt", "newsletter"),
        (WARM | {"consent": None, "country": "DE"}, "do_not_run", "no channel may be used"),
        (WARM | {"source": None, "industry": None, "title": None}, "do_not_run", "too little"),
    ],
)
async def test_where_code_can_decide_no_model_is_asked(lead, recommendation, word):
    agent, fake = model(Marketing, GOOD, lead=lead)
    events = await run(agent, channels=["email"])
    assert fake.calls == 0
    found = result(events)
    assert (found["recommendation"], found["method"]) == (recommendation, "rules_only")
    assert word in found["reason"]
    assert found["sequence"] == []


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja", "sv"])
async def test_without_a_model_there_is_a_plain_sequence_of_approved_claims(language):
    agent, fake = model(Marketing, lead=WARM | {"language": language}, missing="KEY")
    events = await run(agent, sequence_len=6, channels=["email"])
    assert fake.calls == 0
    assert codes(events) == ["rules_only"]
    found = result(events)
    assert found["method"] == "rules_only"
    claims = {claim.id: claim.text for claim in (await briefing(agent)).approved_claims}
    assert [step["claims"] for step in found["sequence"]] == [[claim] for claim in claims]
    for step in found["sequence"]:
        assert claims[step["claims"][0]] in step["body"]
        assert step["ask"] in step["body"]
        assert words_in(step["body"]) <= 90
        assert len(step["subject"]) <= 60
        assert "{" not in json.dumps(step, ensure_ascii=False)[1:-1]


async def briefing(agent):
    from agents.grounding.seller import current

    return (await current(None)).profile


async def test_a_person_who_has_objected_is_refused_before_anything_begins():
    agent, _ = model(Marketing, lead=OPTED_OUT)
    with pytest.raises(Conflict) as refused:
        await agent.prepare(Marketing.Input())
    assert refused.value.code == "opted_out"
