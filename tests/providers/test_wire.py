"""The framings: the standard's own examples, and every way of cutting bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import errors
from providers.wire import Halves, NdjsonDecoder, SseDecoder, json_decoder


def payloads(*chunks, decoder=SseDecoder, **options):
    decoder = decoder("claude", **options)
    return [payload for chunk in chunks for payload in decoder.feed(chunk)]


def cut_at(data, places):
    edges = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def by_the_standard(data):
    """WHATWG HTML 9.2.6, a line at a time: slow, and written to be compared with."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events, lines = [], []
    for line in text.split(b"\n")[:-1]:
        if not line:
            if lines:
                events.append(b"\n".join(lines))
            lines = []
            continue
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value[1:] if value.startswith(b" ") else value)
    return events


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n", 2),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"event: only\nid: 3\nretry: 5\n\n", []),
        (b"\xef\xbb\xbfdata: one\n\n\xef\xbb\xbfdata: two\n\n", [b"one"]),
        ("data: a\u2028b\u0085c\x0bd\x0ce\x1cf\n\n".encode(), 1),
        (b"data: a\rdata: b\r\rdata: c\r\n\r\n", [b"a\nb", b"c"]),
        (b"database: no\n\n", []),
    ],
)
def test_the_standards_examples_are_read_as_it_says(stream, expected):
    got = payloads(stream)
    assert got == expected if isinstance(expected, list) else len(got) == expected


LINES = st.sampled_from(
    (
        *(b"data: a", b"data:b", b"data", b"data:  {}", "data: é\u2028".encode()),
        *(b": ping", b"event: x", b"id: 1", b"database: x", b"data: \xef\xbb\xbf"),
        *(b"", b"", b""),
    )
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.builds(
    lambda bom, lines, rest: bom + b"".join(map(b"".join, lines)) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(LINES, ENDS), max_size=12),
    st.sampled_from([b"", b"data: cut", b"d"]),
)


@given(stream=STREAMS, data=st.data())
def test_every_cutting_of_a_stream_reads_as_the_standard_says(stream, data):
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert payloads(*cut_at(stream, places)) == by_the_standard(stream)


@given(stream=STREAMS)
def test_a_stream_that_comes_byte_by_byte_reads_the_same(stream):
    assert payloads(*(stream[i : i + 1] for i in range(len(stream)))) == by_the_standard(stream)


@given(lines=st.lists(st.sampled_from([b'{"a":1}', b"{}", b"", b" ", b"\r"])), data=st.data())
def test_every_cutting_of_ndjson_gives_the_same_lines(lines, data):
    stream = b"".join(line + b"\n" for line in lines)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    whole = [line for line in lines if line.strip()]
    assert payloads(*cut_at(stream, places), decoder=NdjsonDecoder) == whole


def until_refused(decoder, chunks):
    got = []
    try:
        for chunk in chunks:
            for payload in decoder.feed(chunk):
                got.append(payload)
    except errors.TooLarge:
        got.append("too large")
    return got


@given(sizes=st.lists(st.integers(6, 10), max_size=4), data=st.data())
@pytest.mark.parametrize("decoder", [SseDecoder, NdjsonDecoder])
def test_the_limit_is_met_at_the_same_event_however_the_bytes_were_cut(decoder, sizes, data):
    head, end = (b"data: ", b"\n\n") if decoder is SseDecoder else (b"", b"\n")
    stream = b"".join(head + b"x" * size + end for size in sizes)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    small = [b"x" * size for size in itertools.takewhile(lambda size: size <= 8, sizes)]
    expected = small if len(small) == len(sizes) else [*small, "too large"]
    for cut in (cut_at(stream, places), cut_at(stream, range(len(stream)))):
        assert until_refused(decoder("claude", limit=len(head) + 8), cut) == expected


def test_an_event_that_never_ends_is_refused_before_it_has_filled_the_memory():
    endless = itertools.repeat(b"x" * 100, 1000)
    assert until_refused(SseDecoder("claude", limit=1000), endless) == ["too large"]
    assert len(list(endless)) == 1000 - 11


def test_events_before_one_that_is_too_large_are_given_out():
    events = SseDecoder("claude", limit=20).feed(b"data: kept\n\ndata: " + b"x" * 99)
    assert next(events) == b"kept"
    with pytest.raises(errors.TooLarge, match="Claude"):
        next(events)


@given(text=st.text(st.characters(min_codepoint=0xFFF0, max_codepoint=0x10FF0)), data=st.data())
def test_characters_survive_every_cut_between_their_halves(text, data):
    units = text.encode("utf-16-le")
    halves = [
        units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)
    ]
    places = data.draw(st.lists(st.integers(0, len(halves)), max_size=5))
    joiner = Halves()
    pieces = ["".join(part) for part in cut_at(halves, places)]
    assert "".join(map(joiner.join, pieces)) + joiner.flush() == text


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["\ud83d", "x"], "\ufffdx"),
        (["\ude42"], "\ufffd"),
        (["a\ud83d"], "a\ufffd"),
        (["\ud83d", "", "\ude42"], "🙂"),
        (["\ud83d\ud83d", "\ude42"], "\ufffd🙂"),
    ],
)
def test_a_half_that_stays_alone_becomes_a_replacement_character(pieces, expected):
    joiner = Halves()
    assert "".join(map(joiner.join, pieces)) + joiner.flush() == expected


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE42"])
def test_json_with_half_a_character_is_read(half):
    decode = json_decoder(dict[str, str])
    assert decode(f'{{"a": "{half}"}}'.encode())["a"] == chr(int(half[2:], 16))


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1}', b'{"a": "\\ud8"}', b'"\\u12"', b"[" * 9])
def test_what_is_no_such_json_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011 (the base of all that decoders raise)
        json_decoder(dict[str, str])(data)
