"""The wire format: any text survives it, in the eyes of parsers that we did not write."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from streams import sse

texts = st.text(st.characters())
"""Any code point, halves of surrogate pairs included."""

NASTY = (
    "a\rb\nc\r\nd\u2028e\u2029f\x0bg\x0ch\x1ci\x85j",
    "\n\nid: 99\nevent: complete\ndata: {}\n\n",
    "\r\rid: 99\rdata: forged\r\r",
    "\x00\x01\x1b[2J\x7f",
    "\ufeffbegins with a byte order mark",
    "\ud83d alone, and \ude00 alone",
    "\ud83d\ude00 in two halves",
    "😀 \U0010ffff \uffff",
    ": ping",
    "",
)


def as_utf8_can_have_it(text):
    """Halves of a pair that stand together become whole; others become U+FFFD."""
    joined = re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: chr(0x10000 + (ord(pair[0][0]) - 0xD800) * 0x400 + ord(pair[0][1]) - 0xDC00),
        text,
    )
    return re.sub("[\ud800-\udfff]", "\ufffd", joined)


def in_pieces(data, cuts):
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def tokens(contents):
    """The frames of a stream that says these texts, numbered from 1."""
    return b"".join(
        sse.frame(number, {"type": "token", "content": content})
        for number, content in enumerate(contents, 1)
    )


@given(contents=st.lists(texts, min_size=1, max_size=5), cuts=st.lists(st.integers(0), max_size=9))
def test_any_text_comes_out_of_a_strangers_parser_as_it_went_in(parse, contents, cuts):
    found = parse(in_pieces(sse.with_retry(tokens(contents), 2000), cuts))
    assert [number for number, _ in found] == [str(n) for n in range(1, len(contents) + 1)]
    said = [json.loads(data) for _, data in found]
    assert said == [{"type": "token", "content": as_utf8_can_have_it(c)} for c in contents]


def test_text_that_looks_like_a_frame_ends_no_line_and_forges_no_field(parse):
    found = parse([tokens(NASTY)])
    assert [number for number, _ in found] == [str(n) for n in range(1, len(NASTY) + 1)]
    assert [json.loads(data)["content"] for _, data in found] == [
        as_utf8_can_have_it(text) for text in NASTY
    ]


def test_a_heartbeat_dispatches_nothing_wherever_it_stands(parse):
    one, two = tokens(["one"]), sse.frame(2, {"type": "token", "content": "two"})
    beats = sse.PING * 3
    found = parse([beats + sse.with_retry(one, 2000) + beats + two + beats])
    assert [number for number, _ in found] == ["1", "2"]


def test_an_event_without_a_number_leaves_the_readers_place_alone(parse):
    rewind = sse.unnumbered({"type": "reset", "reason": "rewind", "provider": None})
    found = parse([sse.with_retry(rewind, 2000) + tokens(["one"])])
    assert [json.loads(data)["type"] for _, data in found] == ["reset", "token"]
    assert [number for number, _ in found] == ["", "1"]


@given(texts)
def test_a_frame_is_a_number_a_line_of_data_and_a_blank_line(content):
    frame = sse.frame(7, {"type": "token", "content": content})
    assert re.fullmatch(rb"id: 7\ndata: \{[^\x00-\x1f]*\}\n\n", frame)


@given(contents=st.lists(texts, min_size=1, max_size=6), number=st.integers(0, 7))
def test_the_frames_past_a_number_are_the_end_of_the_frames(contents, number):
    later = [sse.frame(n, {"type": "token", "content": c}) for n, c in enumerate(contents, 1)]
    assert sse.after(b"".join(later), number) == b"".join(later[number:])


@given(st.lists(texts, max_size=6))
def test_what_was_framed_is_read_back(contents):
    found = list(sse.events(tokens(contents)))
    assert [number for number, _ in found] == list(range(1, len(contents) + 1))
    assert [event["content"] for _, event in found] == [as_utf8_can_have_it(c) for c in contents]
