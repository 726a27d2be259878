"""The three formats as state machines, fed by hand: what the fake vendors do not get to say."""

import json

import pytest

import errors
from providers.base import Finish, Text, Thinking, Usage
from providers.chat_reader import ChatReader
from providers.claude_reader import ClaudeReader
from providers.meter import Meter
from providers.wire import EVENT_LIMIT


def sse(*events):
    texts = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def choice(finish=None, index=0, **delta):
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def chat(*events):
    return list(ChatReader("cerebras").feed(sse(*events)))


def claude(*events):
    return list(ClaudeReader("claude").feed(sse(*events)))


def test_finish_needs_both_the_reason_and_the_marker():
    reader = ChatReader("cerebras")
    assert list(reader.feed(sse(choice(content="Hi"), choice("stop")))) == [Text("Hi")]
    with pytest.raises(errors.Truncated):
        list(reader.close())
    assert list(reader.feed(sse("[DONE]"))) == [Finish("stop")]
    assert reader.ended


def test_the_marker_without_a_reason_is_a_cut_answer():
    with pytest.raises(errors.Truncated):
        chat(choice(content="Hi"), "[DONE]")


def test_nothing_but_the_marker_is_an_empty_answer():
    with pytest.raises(errors.EmptyAnswer):
        chat("[DONE]")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_without_words_is_whole_when_it_says_why(reason):
    said = chat(choice(reasoning="hm"), choice(reason), "[DONE]")
    assert said[0] == Thinking("hm")
    assert isinstance(said[-1], Finish)


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "of_next_year"])
def test_a_reason_that_no_answer_of_ours_can_end_for_is_not_success(reason):
    with pytest.raises(errors.ProtocolError):
        chat(choice(content="Hi"), choice(reason), "[DONE]")


def test_words_after_the_reason_are_out_of_order():
    with pytest.raises(errors.ProtocolError):
        chat(choice("stop", content="Hi"), choice(content=" more"))


def test_null_where_a_field_may_be_left_out_is_the_same():
    event = {"choices": [{"delta": {"content": None}, "finish_reason": None}], "usage": None}
    assert chat(event, {"choices": None}, {"choices": [{"delta": None}]}, {}) == []


def test_usage_on_the_chunk_that_finishes_is_read():
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}
    said = chat(choice(content="Hi"), choice("stop") | {"usage": usage}, "[DONE]")
    assert said[1] == Usage(input_tokens=9, output_tokens=3, cached_input_tokens=4)


def test_reasoning_and_cache_are_counted_by_their_details():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    (counts,) = chat({"choices": [], "usage": usage})
    assert counts == Usage(9, 7, cached_input_tokens=2, reasoning_tokens=5)


def test_counts_never_fall_and_are_told_once():
    meter = Meter()
    told = [*meter.read(Usage(9, 5)), *meter.read(Usage(9, 5)), *meter.read(Usage(0, 7))]
    assert told == [Usage(9, 5), Usage(9, 7)]


def test_what_is_too_large_is_so_in_the_format_too():
    with pytest.raises(errors.TooLarge, match="Cerebras"):
        chat(choice(content="x" * EVENT_LIMIT))


START = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
STOP = {"type": "message_stop"}


def words(text, index=0):
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": index, "delta": delta}


def ending(reason, **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def test_claudes_input_has_its_cache_in():
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    (counts,) = claude({"type": "message_delta", "delta": {}, "usage": usage})
    assert counts == Usage(125, 9, 100, 20, 4)


def test_claudes_counts_overwrite_and_what_the_end_leaves_out_stands():
    said = claude(START, BLOCK, words("Hi"), ending("end_turn", output_tokens=7), STOP)
    assert said == [Usage(5, 1), Text("Hi"), Usage(5, 7), Finish("stop")]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [(None, errors.Truncated), ("tool_use", errors.ProtocolError), ("new", errors.ProtocolError)],
)
def test_claudes_end_needs_a_reason_that_we_know(reason, kind):
    with pytest.raises(kind):
        claude(START, BLOCK, words("Hi"), ending(reason), STOP)


def test_words_of_a_block_that_has_ended_are_out_of_order():
    with pytest.raises(errors.ProtocolError):
        claude(START, BLOCK, {"type": "content_block_stop", "index": 0}, words("late"))


def test_a_tools_input_is_neither_run_nor_shown():
    tool = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}
    half = {"type": "input_json_delta", "partial_json": '{"to":'}
    assert claude(tool, {"type": "content_block_delta", "index": 0, "delta": half}) == []
