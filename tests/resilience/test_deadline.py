"""How long an answer may take. Time is moved by hand."""

import asyncio

import pytest

from errors import FirstTokenTimeout, IdleTimeout, TotalTimeout
from resilience.deadline import Deadline
from tests.resilience.hand import END, Reader, ended, everybody

pytestmark = pytest.mark.anyio


def is_word(item):
    return not item.startswith("thinking")


async def test_silence_is_a_first_token_timeout_at_its_time_and_not_before(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    hand.move(59.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout, match="60 s"):
        await reader.end()


async def test_thinking_is_not_the_first_token(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream(), is_content=is_word))
    await everybody()
    for _ in range(2):
        hand.move(25)
        await vendor.says("thinking")
    hand.move(9.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout):
        await reader.end()
    assert reader.got == ["thinking"] * 2


async def test_a_slow_starter_may_have_its_own_patience(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream(), first_s=100))
    await everybody()
    hand.move(99)
    await everybody()
    assert not reader.task.done()
    hand.move(1)
    with pytest.raises(FirstTokenTimeout, match="100 s"):
        await reader.end()


async def test_silence_after_the_first_word_is_an_idle_timeout(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    hand.move(1)
    await vendor.says("word")
    hand.move(29.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(IdleTimeout, match="30 s"):
        await reader.end()


@pytest.mark.parametrize("sign", ["word", "thinking"])
async def test_any_item_after_the_first_word_is_a_sign_of_life(hand, vendor, deadline, sign):
    reader = Reader(deadline.guard(vendor.stream(), is_content=is_word))
    await vendor.says("word")
    for _ in range(5):
        hand.move(29)
        await vendor.says(sign)
    hand.move(29)
    await vendor.says(END)
    await reader.end()
    assert len(reader.got) == 6


async def test_an_answer_that_never_stops_is_cut_at_the_total(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await everybody()
    for _ in range(30):
        hand.move(19.9)
        await vendor.says("word")
    assert not reader.task.done()
    hand.move(4)
    with pytest.raises(TotalTimeout, match="600 s"):
        await reader.end()
    assert vendor.closed


async def test_a_consumer_that_was_slow_does_not_stretch_the_total(hand, vendor):
    stream = Deadline(60, 30, 100, timers=hand).guard(vendor.stream())
    vendor.said.put_nowait("word")
    await anext(stream)
    hand.move(95)
    reader = Reader(stream)
    await everybody()
    hand.move(4.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(TotalTimeout):
        await reader.end()


async def test_the_total_covers_all_attempts_and_a_late_one_is_never_begun(hand, vendor, deadline):
    hand.move(400)
    assert deadline.remaining_s() == 200
    hand.move(300)
    assert deadline.remaining_s() == 0
    with pytest.raises(TotalTimeout):
        await ended(anext(deadline.guard(vendor.stream())))
    assert not vendor.begun


async def test_the_time_of_a_slow_consumer_is_not_the_vendors(hand, vendor, deadline):
    stream = deadline.guard(vendor.stream(), is_content=is_word)
    vendor.said.put_nowait("thinking")
    hand.move(50)
    assert await anext(stream) == "thinking"
    hand.move(100)
    vendor.said.put_nowait("word")
    assert await anext(stream) == "word"
    hand.move(100)
    reader = Reader(stream)
    await everybody()
    hand.move(29.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(IdleTimeout):
        await reader.end()


async def test_the_rest_of_the_first_wait_goes_on_where_it_was(hand, vendor, deadline):
    stream = deadline.guard(vendor.stream(), is_content=is_word)
    first = asyncio.create_task(anext(stream))
    await everybody()
    hand.move(50)
    await vendor.says("thinking")
    await ended(first)
    hand.move(100)
    reader = Reader(stream)
    await everybody()
    hand.move(9.9)
    await everybody()
    assert not reader.task.done()
    hand.move(0.1)
    with pytest.raises(FirstTokenTimeout):
        await reader.end()


async def test_silence_while_we_were_held_up_is_not_the_vendors(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await vendor.says("word")
    hand.stand_still(300)
    hand.move(0)
    await vendor.says("it had come long ago")
    vendor.said.put_nowait(END)
    await reader.end()
    assert reader.got == ["word", "it had come long ago"]


async def test_a_vendor_that_said_nothing_while_we_were_held_up_is_late(hand, vendor, deadline):
    reader = Reader(deadline.guard(vendor.stream()))
    await vendor.says("word")
    hand.stand_still(300)
    hand.move(0.1)
    with pytest.raises(IdleTimeout):
        await reader.end()
