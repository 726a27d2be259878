"""Structured answers: what a reader has of an answer, however it comes and wherever it breaks."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.grounding.form import in_words, prose_of, schema_of
from agents.grounding.partial_json import Reader, Words
from agents.structured import structured
from errors import Reset
from tests.agents.plan import PLAN, Plan
from tests.agents.reference import gathered

pytestmark = pytest.mark.anyio


async def router(pieces, finish="stop"):
    """What the router yields for an answer that comes in these pieces."""
    yield {"type": "route", "provider": "p"}
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece if isinstance(piece, dict) else {"type": "token", "content": piece}
    yield {"type": "complete", "metadata": {"finish_reason": finish}}


async def read(*pieces, finish="stop", **how):
    return [event async for event in structured(router(pieces, finish), Plan, **how)]


def shown(events, field):
    """The words of a prose field, as a reader has put them together."""
    return "".join(e["content"] for e in events if e["type"] == "token" and e["field"] == field)


def fields(events):
    return {e["name"]: e["value"] for e in events if e["type"] == "field"}


def warned(events):
    return [e["code"] for e in events if e["type"] == "warning"]


def cut(text, places):
    """`text` broken at these places."""
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(edges)]


async def test_prose_grows_and_every_other_piece_comes_whole():
    events = await read(*json.dumps(PLAN))
    assert shown(events, "opening") == PLAN["opening"]
    assert shown(events, "situation.wanted") == "To close in 4 days."
    assert fields(events) == {
        "tone": "warm",
        "situation": PLAN["situation"],
        "steps[0]": PLAN["steps"][0],
        "steps[1]": PLAN["steps"][1],
        "words[0]": "one",
        "words[1]": "two",
    }
    assert events[0]["type"] == "route"
    assert events[-1]["result"] == PLAN
    assert warned(events) == []


async def test_a_piece_is_shown_before_the_next_one_begins():
    text = json.dumps(PLAN)
    whole = text.index('"minutes": 5}') + len('"minutes": 5}')
    reader = Reader(prose_of(Plan))
    before = [f.path for f in reader.feed(text[: whole - 1]) if not isinstance(f, Words)]
    assert before == ["opening", "tone", "situation"]
    assert [f.path for f in reader.feed(text[whole - 1 : whole])] == ["steps[0]"]


async def test_each_piece_of_prose_that_the_vendor_sends_is_one_token():
    events = await read('{"opening": "', "Hello ", "Da", 'na."', "}")
    assert [e["content"] for e in events if e["type"] == "token"] == ["Hello ", "Da", "na."]


ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
ODD = st.text(alphabet='"\\/\b\n\t{}[]:, u0dD8é😀\u2028\x00')


@given(
    st.lists(ANY | ODD, min_size=3, max_size=3),
    st.lists(st.integers(0, 10_000), max_size=60),
    st.booleans(),
    st.sampled_from([None, 1]),
)
@example(["😀" * 9, "\\", '"'], list(range(200)), True, None)
@example(["\ue000\\ud83d", "\\u", ""], list(range(200)), False, None)
async def test_the_words_of_a_field_are_exactly_the_string_wherever_it_breaks(
    texts, places, escaped, indent
):
    opening, wanted, step = texts
    said = {
        "opening": opening,
        "situation": {"known": [step], "wanted": wanted},
        "steps": [{"show": step, "minutes": 1}],
    }
    text = json.dumps(said, ensure_ascii=escaped, indent=indent)
    events = await read(*cut(text, places))
    assert shown(events, "opening") == opening
    assert shown(events, "situation.wanted") == wanted
    assert fields(events) == {"situation": said["situation"], "steps[0]": said["steps"][0]} | (
        {} if opening else {"opening": ""}
    )
    assert events[-1]["result"] == said
    assert warned(events) == []


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(0, 1000))
async def test_a_cut_answer_still_gives_what_was_finished_and_nothing_else(places, length):
    text = json.dumps(PLAN)
    length = length % len(text)
    events = await read(*cut(text[:length], places), finish="length")
    assert PLAN["opening"].startswith(shown(events, "opening"))
    for name, value in fields(events).items():
        field, _, index = name.rstrip("]").partition("[")
        assert value == (PLAN[field][int(index)] if index else PLAN[field])
    assert warned(events) == ["cut_off"]


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=9))
async def test_no_text_breaks_it(noise, places):
    text = noise.decode(errors="replace")
    for answer in (text, '{"opening": "a", "steps": [' + text, '{"opening": "' + text):
        events = await read(*cut(answer, places))
        assert events[-1]["type"] == "complete"


@pytest.mark.parametrize(
    "text",
    [
        "```json\n%s\n```",
        "Here is the plan {as asked}:\n\n%s\nI hope it helps! {}",
        "[%s]",
        "<think>set {x}</think>%s",
    ],
)
async def test_what_stands_around_the_object_is_no_part_of_the_answer(text):
    text = text % json.dumps(PLAN)
    for pieces in ([text], text):
        events = await read(*pieces)
        assert events[-1]["result"] == PLAN
        assert warned(events) == []


async def test_a_reset_takes_back_pieces_prose_and_half_an_escape():
    events = await read(
        '{"opening": "Old words \\ud83d',
        {"type": "reset", "reason": "failover", "provider": "q"},
        '{"opening": "New", "words": ["a"]}',
    )
    assert [e["type"] for e in events] == (
        ["route", "token", "reset", "token", "field", "complete"]
    )
    assert events[-1]["result"] == {"opening": "New", "words": ["a"]}


async def test_a_fault_comes_after_the_finished_pieces_and_what_was_held():
    class Holds:
        def take(self, words):
            return ()

        def end(self):
            yield {"type": "token", "content": "[…]"}
            yield {"type": "warning", "code": "unbacked", "detail": "w"}

    answer = router(['{"words": ["a"], "close": "www.x.example', Reset("gone")])
    events = []
    with pytest.raises(Reset):
        await gathered(structured(answer, Plan, gate=lambda path: Holds()), events)
    assert fields(events) == {"words[0]": "a"}
    assert shown(events, "close") == "[…]"
    assert warned(events) == ["unbacked"]


async def test_prose_inside_an_object_stands_in_it_as_it_was_shown():
    class Stars:
        def take(self, words):
            yield {"type": "token", "content": "*" * len(words)}

        def end(self):
            return ()

    events = await read(
        '{"situation": {"wanted": "abc", "known": ["k"]}}', gate=lambda path: Stars()
    )
    assert fields(events) == {"situation": {"wanted": "***", "known": ["k"]}}
    assert events[-1]["result"] == {"situation": {"wanted": "***", "known": ["k"]}}


async def test_a_piece_that_does_not_fit_is_dropped_and_its_words_are_not_repeated():
    events = await read(
        '{"tone": "EVIL", "steps": [{"show": "a", "minutes": 0}, {"show": "b", "minutes": 2},'
        ' 3, {"show": "c" "minutes": 1}, {"show": "d", "minutes": NaN}], "price": "EVIL"}'
    )
    assert fields(events) == {"steps[0]": {"show": "b", "minutes": 2}}
    assert warned(events) == ["dropped"] * 6
    assert "EVIL" not in json.dumps(events)


async def test_a_key_that_only_looks_like_a_path_is_none():
    events = await read('{"situation.wanted": "EVIL", "steps": [{"opening": "EVIL"}]}')
    assert [e["type"] for e in events] == ["route", "warning", "warning", "complete"]


async def test_a_check_may_change_a_piece_or_drop_it_with_a_warning():
    def check(path, value):
        if path == "words[0]":
            return None, [{"type": "warning", "code": "invented", "detail": path}]
        return value.upper() if isinstance(value, str) else value, []

    events = await read('{"words": ["a", "b"]}', check=check)
    assert fields(events) == {"words[0]": "B"}
    assert warned(events) == ["invented"]


async def test_the_first_of_two_values_stands():
    events = await read(
        '{"opening": "first", "opening": "second", "tone": "warm", "tone": "plain",'
        ' "words": "none", "close": 7, "close": "end"}'
    )
    assert events[-1]["result"] == {"opening": "first", "tone": "warm", "close": "end"}
    assert warned(events) == ["dropped"] * 3


async def test_a_model_that_loops_fills_a_list_once_and_is_warned_of_once():
    steps = [{"show": str(number), "minutes": 1} for number in (0, 0, 0, 1, 2, 3, 4, 5)]
    events = await read(json.dumps({"steps": steps}))
    assert [step["show"] for step in events[-1]["result"]["steps"]] == ["0", "1", "2"]
    assert [e["name"] for e in events if e["type"] == "field"] == [f"steps[{n}]" for n in range(3)]
    assert warned(events) == ["dropped"]


async def test_what_models_write_and_json_has_not_is_mended():
    events = await read(*'{"opening": "a\nb\\\'c \\ud83d! \\ude00", "words": ["x\ty", "\\$"]}')
    assert shown(events, "opening") == "a\nb'c \ufffd! \ufffd"
    assert events[-1]["result"]["words"] == ["x\ty", "$"]


def test_no_character_is_read_twice():
    reader = Reader(frozenset())
    for _ in reader.feed('{"close": "'):
        pass
    for _ in range(2000):
        list(reader.feed("word " * 20))
        assert reader._at == len(reader._text) == 100


def test_a_schema_has_types_alone_and_requires_every_field_in_its_order():
    schema = schema_of(Plan)
    assert schema["required"] == list(Plan.model_fields)
    assert schema["properties"]["steps"] == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"show": {"type": "string"}, "minutes": {"type": "integer"}},
            "required": ["show", "minutes"],
            "additionalProperties": False,
        },
    }
    assert "$" not in json.dumps(schema)


async def test_whoever_repeats_the_form_has_answered_nothing():
    events = await read(in_words(Plan))
    assert events[-1]["result"] == {}
