"""The fakes speak as the vendors do: their SDKs read them, each refuses in its own words."""

import json

import httpx
import pytest

from tests.upstream.faults import ErrorAfter, Status
from tests.upstream.oddities import Ends, Thinking
from tests.upstream.raw import ASK, body_of, response, unchunked
from tests.upstream.vendors import VOICES

WORDS = ["Sch", "ön", " <", "你", "🙂", ">"]


def test_anthropics_sdk_reads_the_words_and_the_usage_that_claude_was_told(vendors):
    from anthropic import Anthropic

    vendors.says("claude", WORDS, input_tokens=31, output_tokens=110, cached_tokens=20)
    with Anthropic(base_url=vendors.base_url("claude"), api_key="k", max_retries=0) as client:
        asked = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": ASK}
        with client.messages.stream(**asked) as stream:
            texts = list(stream.text_stream)
            message = stream.get_final_message()
    assert texts == WORDS
    assert message.stop_reason == "end_turn"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (11, 20)
    assert usage.output_tokens == 110
    (attempt,) = vendors.attempts
    assert (attempt.vendor, attempt.model) == ("claude", "claude-haiku-5-5")
    assert attempt.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("vendor", ["cerebras", "deepseek"])
def test_openais_sdk_reads_the_words_and_the_usage(vendors, vendor):
    from openai import OpenAI

    vendors.says(vendor, WORDS, input_tokens=31, output_tokens=110, cached_tokens=20)
    with OpenAI(base_url=vendors.base_url(vendor), api_key="k", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for choice in choices) == "".join(WORDS)
    assert choices[-1].finish_reason == "stop"
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (31, 110, 141)
    assert usage.prompt_tokens_details.cached_tokens == 20
    assert vendors.attempts[0].vendor == vendor


@pytest.mark.anyio
async def test_the_sdk_without_threads_reads_it_too(vendors):
    from anthropic import AsyncAnthropic

    vendors.says("claude", WORDS)
    async with AsyncAnthropic(base_url=vendors.base_url("claude"), api_key="k") as client:
        asked = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": ASK}
        async with client.messages.stream(**asked) as stream:
            assert [text async for text in stream.text_stream] == WORDS


def test_ollama_speaks_a_line_of_json_for_each_piece(vendors):
    vendors.says("ollama", WORDS, input_tokens=31, output_tokens=110)
    asked = {"model": "m", "messages": ASK}
    answer = httpx.post(vendors.base_url("ollama") + "/api/chat", json=asked, trust_env=False)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, last = [json.loads(line) for line in answer.text.split("\n")[:-1]]
    assert [line["message"]["content"] for line in lines] == WORDS
    assert not any(line["done"] for line in lines)
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert (last["prompt_eval_count"], last["eval_count"]) == (31, 110)


def test_claudes_events_come_in_the_real_order(vendors):
    names = [line for line in body_of(vendors, "claude").split(b"\n") if line[:6] == b"event:"]
    assert names == [
        b"event: message_start",
        b"event: content_block_start",
        b"event: ping",
        *[b"event: content_block_delta"] * 4,
        b"event: content_block_stop",
        b"event: message_delta",
        b"event: message_stop",
    ]


def test_a_piece_is_one_chunk_and_text_is_utf8(vendors):
    vendors.says("claude", ["Schön"])
    chunks, whole = unchunked(response(vendors, "claude")[1])
    assert whole
    assert chunks[3].startswith(
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"Sch\xc3\xb6n"}'
    )
    assert all(chunk.endswith(b"\n\n") for chunk in chunks)


def test_deepseek_puts_usage_on_the_last_choice_and_cerebras_behind_it(vendors):
    *_, finish, done = body_of(vendors, "deepseek").split(b"\n\n")[:-1]
    assert b'"finish_reason":"stop"}],"usage":{"prompt_tokens":31' in finish
    assert done == b"data: [DONE]"
    *_, finish, usage, done = body_of(vendors, "cerebras").split(b"\n\n")[:-1]
    assert b'"finish_reason":"stop"}],"usage":null' in finish
    assert b'"choices":[],"usage":{"prompt_tokens":31' in usage
    assert done == b"data: [DONE]"


ERROR_EVENTS = {
    "claude": b'event: error\ndata: {"type":"error","error":{"details":null,'
    b'"type":"overloaded_error","message":"Overloaded"}',
    "cerebras": b'data: {"status_code":429,"error":{"message":"We\'re experiencing high traffic',
    "deepseek": b'data: {"error":{"message":"Service is too busy.',
    "ollama": b'{"error":"server busy, please try again.  maximum pending requests exceeded"}\n',
}


@pytest.mark.parametrize("vendor", VOICES)
def test_an_error_event_has_the_vendors_own_form(vendors, vendor):
    vendors.fails(vendor, ErrorAfter(2, "overloaded"))
    chunks, whole = unchunked(response(vendors, vendor)[1])
    assert chunks[-1].startswith(ERROR_EVENTS[vendor])
    assert whole


def test_a_refusal_has_the_vendors_own_body_and_headers(vendors):
    vendors.fails("claude", Status(529), Status(429, retry_after=300), Status(why="spend"))
    head, body = response(vendors, "claude")
    assert head.startswith("HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\n")
    assert json.loads(body)["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert "retry-after: 300" in response(vendors, "claude")[0]
    head, body = response(vendors, "claude")
    assert "retry-after" not in head
    details = json.loads(body)["error"]["details"]
    assert details == {"error_code": "enforced_spend_limit_reached"}


def test_vendors_differ_in_the_status_of_an_unknown_model(vendors):
    statuses = {}
    for vendor in VOICES:
        vendors.fails(vendor, Status(why="model"))
        statuses[vendor] = int(response(vendors, vendor)[0].split()[1])
    assert statuses == {"claude": 404, "cerebras": 404, "deepseek": 400, "ollama": 404}


def test_cerebras_puts_nothing_around_an_error(vendors):
    vendors.fails("cerebras", Status(401))
    assert json.loads(response(vendors, "cerebras")[1])["code"] == "wrong_api_key"


def test_other_forms_of_a_refusal(vendors):
    vendors.fails("deepseek", Status(401, form="text"), Status(500, should_retry=False))
    head, body = response(vendors, "deepseek")
    assert "content-type: text/plain" in head
    assert body == b"Authentication Fails (governor)"
    assert "x-should-retry: false" in response(vendors, "deepseek")[0]


def test_thinking_moves_claudes_words_to_the_second_block(vendors):
    vendors.fails("claude", Thinking(("Hm.",)))
    body = body_of(vendors, "claude")
    assert b'"index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}' in body
    assert b'"index":1,"delta":{"type":"text_delta","text":"Hello"}' in body


@pytest.mark.parametrize(
    ("vendor", "reason", "told"),
    [
        ("claude", "context", b'"stop_reason":"model_context_window_exceeded"'),
        ("claude", "refusal", b'"stop_reason":"refusal"'),
        ("cerebras", "refusal", b'"finish_reason":"content_filter"'),
        ("deepseek", "capacity", b'"finish_reason":"insufficient_system_resource"'),
        ("ollama", "length", b'"done_reason":"length"'),
    ],
)
def test_an_ending_is_told_in_the_vendors_words(vendors, vendor, reason, told):
    vendors.fails(vendor, Ends(reason))
    assert told in body_of(vendors, vendor)
