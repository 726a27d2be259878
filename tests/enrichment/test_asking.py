"""What stands between an execution and the sources: cache, one flight a key, caps, late answers."""

import asyncio

import pytest

from store import enrichment as table
from tests.enrichment.fakes import company, person, told
from tests.upstream.script import Head, Hold

pytestmark = pytest.mark.anyio

EMAIL = "dana.okafor@brightquill.example"
LEAD = {"email": EMAIL}


@pytest.fixture(autouse=True)
def known(fakes):
    fakes.people[EMAIL] = person()
    fakes.companies["brightquill.example"] = company()


@pytest.mark.parametrize(("about", "days"), [("company", 90), ("person", 30)])
async def test_an_answer_is_bought_once_until_it_is_too_old(desk, fakes, about, days):
    first = await desk.ask(LEAD, about=about)
    desk.move(days=days, seconds=-1)
    again = await desk.ask(LEAD, about=about, execution_id="ex_2")
    assert (first.credits, first.cached) == (1, False)
    assert (again.credits, again.cached, again.fields) == (0, True, first.fields)
    assert len(fakes.requests) == 1
    desk.move(seconds=1)
    assert (await desk.ask(LEAD, about=about, execution_id="ex_3")).credits == 1
    assert len(fakes.requests) == 2


async def test_a_miss_is_remembered_for_a_week(desk, fakes):
    fakes.people.clear()
    assert (await desk.ask(LEAD, about="person")).match == "none"
    fakes.people[EMAIL] = person()
    desk.move(days=7, seconds=-1)
    assert (await desk.ask(LEAD, about="person")).match == "none"
    desk.move(seconds=1)
    assert (await desk.ask(LEAD, about="person")).match == "found"
    assert len(fakes.requests) == 2


async def test_a_fault_is_not_remembered(desk, fakes):
    fakes.fails(told({"error": "bad"}, 422))
    assert (await desk.ask(LEAD, about="person")).match == "failed"
    assert (await desk.ask(LEAD, about="person")).match == "found"


async def test_who_asks_anew_gets_it_anew(desk, fakes):
    await desk.ask(LEAD, about="person")
    fakes.people[EMAIL] = person(title="CFO")
    looked = await desk.ask(LEAD, about="person", execution_id="ex_2", refresh=True)
    assert (looked.fields["title"]["value"], looked.credits) == ("CFO", 1)


async def test_an_execution_that_begins_anew_has_what_it_has_bought(desk, fakes):
    """Its credits stay counted, and it buys nothing twice, not even where it asked for anew."""
    for _ in range(2):
        looked = await desk.ask(LEAD, about="person", refresh=True)
        assert looked.credits == 1
    assert len(fakes.requests) == 1


async def test_what_is_too_old_is_better_than_nothing_and_says_so(desk, fakes):
    await desk.ask(LEAD, about="person")
    retrieved = desk.now.isoformat()
    desk.move(days=31)
    fakes.fails(told({"error": "bad"}, 422))
    looked = await desk.ask(LEAD, about="person")
    assert (looked.match, looked.http_status) == ("failed", 422)
    assert looked.fields["title"] == {
        "value": "VP Finance",
        "source": "apollo",
        "retrieved_at": retrieved,
        "confidence": 0.8,
        "status": "stale",
    }


async def test_many_who_ask_the_same_at_once_make_one_call(desk, fakes):
    asked = [desk.ask(LEAD, about="person", execution_id=f"ex_{n}") for n in range(20)]
    looked = await asyncio.gather(*asked)
    assert len(fakes.requests) == 1
    assert sum(one.credits for one in looked) == 1
    assert all(one.fields == looked[0].fields for one in looked)


async def test_who_may_spend_nothing_waits_for_nobodys_purse_but_his_own(desk, fakes):
    """The one who comes second can pay, where the first one could not."""
    poor = desk.ask(LEAD, about="person", credits=0)
    rich = desk.ask(LEAD, about="person", execution_id="ex_2")
    poor, rich = await asyncio.gather(poor, rich)
    assert (poor.match, poor.why) == ("skipped", "max_credits is reached")
    assert (rich.match, rich.credits) == ("found", 1)
    assert len(fakes.requests) == 1


async def test_a_flight_goes_on_as_long_as_somebody_waits_for_it(desk, fakes):
    fakes.fails([Head("application/json"), Hold()])
    waiting = [asyncio.create_task(desk.ask(LEAD, about="person")) for _ in range(2)]
    await fakes.until(lambda: fakes.exchanges and fakes.exchanges[-1].attempt.holding)
    held = fakes.exchanges[-1].attempt
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    assert held.holding
    waiting[1].cancel()
    await asyncio.wait([waiting[1]])
    await fakes.until(lambda: held.client_left)
    assert (await desk.ask(LEAD, about="person")).match == "found"


async def test_a_late_answer_is_awaited_and_not_asked_for_twice(desk, fakes):
    first = await desk.ask(LEAD, "clay")
    assert (first.match, first.credits, first.http_status) == ("pending", 1, 200)
    again = await desk.ask(LEAD, "clay", execution_id="ex_2", refresh=True)
    assert (again.match, again.credits, len(fakes.requests)) == ("pending", 0, 1)
    clay = desk.sources.all["clay"]
    assert await desk.sources.late(fakes.callback_id()) is None
    desk.sources.late_wait_s = 10
    waiting = asyncio.create_task(desk.sources.late(fakes.callback_id()))
    said = {"title": "CFO", "phone": "", "employee_count": "1,200", "country": "Germany", "x": "y"}
    assert await desk.sources.take(clay, fakes.callback_id(), said)
    assert {n: f["value"] for n, f in (await waiting).items()} == {
        "title": "CFO",
        "employee_count": 1200,
        "country": "DE",
    }
    third = await desk.ask(LEAD, "clay", execution_id="ex_3")
    assert (third.match, third.cached, third.credits) == ("found", True, 0)


async def test_after_a_day_a_late_answer_is_asked_for_again(desk, fakes):
    await desk.ask(LEAD, "clay")
    desk.move(hours=24)
    assert (await desk.ask(LEAD, "clay", execution_id="ex_2")).credits == 1
    assert len(fakes.requests) == 2


async def test_only_the_first_late_answer_counts(desk, fakes):
    await desk.ask(LEAD, "clay")
    clay = desk.sources.all["clay"]
    for title in ("CFO", "Intern"):
        assert await desk.sources.take(clay, fakes.callback_id(), {"title": title})
    known = await table.awaited(desk.database, fakes.callback_id())
    assert known["answer"]["title"]["value"] == "CFO"


async def test_clay_vouches_for_its_own_ids_until_they_end(desk, fakes, monkeypatch):
    await desk.ask(LEAD, "clay")
    clay, genuine = desk.sources.all["clay"], fakes.callback_id()
    nonce, expires, signature = genuine.split(".")
    assert clay.vouches_for(genuine)
    for forged in (
        "",
        "x",
        "..",
        f"{nonce}.{expires}.{'0' * 64}",
        f"{nonce}x.{expires}.{signature}",
        f"{nonce}.{int(expires) + 1}.{signature}",
        f"{nonce}.{expires}.ü",
        genuine[:-1],
    ):
        assert not clay.vouches_for(forged), forged
    monkeypatch.setattr(clay, "wall", lambda: int(expires))
    assert not clay.vouches_for(genuine)


async def test_what_one_owner_has_bought_is_not_anothers(desk, fakes):
    await desk.ask(LEAD, about="person", owner="one")
    looked = await desk.ask(LEAD, about="person", owner="two", execution_id="ex_2")
    assert (looked.credits, looked.cached, len(fakes.requests)) == (1, False, 2)
