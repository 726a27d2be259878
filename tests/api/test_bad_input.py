"""What cannot be read or does not fit is refused with words, and starts nothing."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inside import inside
from tests.serving import is_problem, raw

START = "/api/stream/start/lead"
STREAM = "/api/agents/conversation/stream"
EXECUTE = "/api/agents/conversation/execute"

NOT_JSON = {
    "nothing but an opening": b"{",
    "an array": b"[]",
    "a string": b'"hello"',
    "a number": b"1",
    "null": b"null",
    "two objects": b"{}{}",
    "a comment": b"{/* hello */}",
    "single quotes": b"{'message': 'hello'}",
    "a form": b"message=hello",
    "a depth of a hundred thousand": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a depth of objects": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "five thousand digits": b'{"a":' + b"9" * 5000 + b"}",
    "five thousand digits below zero": b'{"a":-' + b"9" * 5000 + b"}",
    "not a number": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "more than a double holds": b'{"a":1e999}',
    "a key twice": b'{"agent_type":"conversation","agent_type":"other"}',
    "a key twice, further down": b'{"lead":{"city":"a","city":"b"}}',
    "bytes that are not UTF-8": b'{"message":"\xff\xfe"}',
    "a surrogate in UTF-8": b'{"message":"\xed\xa0\x80"}',
    "UTF-16": '{"message":"hello"}'.encode("utf-16"),
    "half of a surrogate pair": b'{"message":"\\ud83d"}',
    "half of a surrogate pair in a key": b'{"\\ude00":1}',
    "NUL": b'{"message":"a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b":1}',
    "NUL as it is": b'{"message":"a\x00b"}',
    "a line break as it is": b'{"message":"a\nb"}',
}


@pytest.fixture
def starts_nothing(server):
    before = server.count()
    yield
    assert server.count() == before


@pytest.mark.usefixtures("starts_nothing")
@pytest.mark.parametrize("path", [START, STREAM, EXECUTE])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_object_or_not_the_same_to_every_parser_is_refused(server, path, body):
    problem = is_problem(server.http.post(path, content=body), 400, "bad_json")
    assert problem["retryable"] is False


@pytest.mark.usefixtures("starts_nothing")
@pytest.mark.parametrize("path", [START, STREAM, EXECUTE])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(server, path):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = raw(server.port, f"{head}Content-Length: 99999999999\r\n\r\n{{".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("starts_nothing")
def test_a_body_that_grows_too_large_is_refused_though_it_named_no_length(server):
    pieces = (b'{"message":"' + b"x" * 1024, *[b"x" * 1024] * 256, b'"}')
    is_problem(server.http.post(STREAM, content=iter(pieces)), 413, "body_too_large")


def started(**changed):
    said = {"agent_type": "conversation", "lead": {}, "input": {"message": "hello"}}
    return said | changed


def with_input(**changed):
    return started(input={"message": "hello"} | changed)


UNFIT = [
    ({}, "/agent_type"),
    (started(agent_type=5), "/agent_type"),
    (started(agent_type=None), "/agent_type"),
    (started(agent_type=["conversation"]), "/agent_type"),
    (started(surprise=1), "/surprise"),
    (started(**{"a/b~c": 1}), "/a~1b~0c"),
    (started(input=[]), "/input"),
    (started(input="hello"), "/input"),
    (started(input={}), "/input/message"),
    (started(input=None), "/input/message"),
    (with_input(message=5), "/input/message"),
    (with_input(message=None), "/input/message"),
    (with_input(message=["hello"]), "/input/message"),
    (with_input(message=""), "/input/message"),
    (with_input(message="x" * 4001), "/input/message"),
    (with_input(surprise=1), "/input/surprise"),
    (with_input(mode="shout"), "/input/mode"),
    (with_input(mode=None), "/input/mode"),
    (with_input(conversation_id="../x"), "/input/conversation_id"),
    (with_input(conversation_id="x\n"), "/input/conversation_id"),
    (started(lead=[]), "/lead"),
    (started(lead="anna"), "/lead"),
    (started(lead={"surprise": 1}), "/lead/surprise"),
    (started(lead={"email": "no address"}), "/lead/email"),
    (started(lead={"email": 5}), "/lead/email"),
    (started(lead={"country": "Germany"}), "/lead/country"),
    (started(lead={"employee_count": -1}), "/lead/employee_count"),
    (started(lead={"employee_count": 1.5}), "/lead/employee_count"),
    (started(lead={"id": "../x"}), "/lead/id"),
    (started(lead={"messages": [{"role": "boss", "text": "x"}]}), "/lead/messages/0/role"),
    (started(provider=[]), "/provider"),
    (started(provider=""), "/provider"),
    (started(max_latency_ms=-1), "/max_latency_ms"),
    (started(max_latency_ms="1000"), "/max_latency_ms"),
    (started(max_latency_ms=True), "/max_latency_ms"),
    (started(max_cost_usd=0), "/max_cost_usd"),
    (started(max_cost_usd="a cent"), "/max_cost_usd"),
    (started(max_cost_usd="1e100"), "/max_cost_usd"),
    (started(max_cost_usd=True), "/max_cost_usd"),
    (started(on_failure="explode"), "/on_failure"),
    (started(on_failure=None), "/on_failure"),
    (started(detach="yes"), "/detach"),
    (started(detach=1), "/detach"),
    (started(detach=None), "/detach"),
]


@pytest.mark.usefixtures("starts_nothing")
@pytest.mark.parametrize(
    ("said", "pointer"), UNFIT, ids=[f"{p}-{n}" for n, (_, p) in enumerate(UNFIT)]
)
def test_what_does_not_fit_is_refused_with_a_pointer_to_it(server, said, pointer):
    problem = is_problem(server.http.post(START, json=said), 422, "invalid_input")
    assert pointer in [fault["pointer"] for fault in problem["errors"]]
    assert all(fault["detail"] for fault in problem["errors"])


@pytest.mark.usefixtures("starts_nothing")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (START, {"agent_type": "barista", "lead": {}}),
        ("/api/agents/barista/stream", {"message": "hello"}),
        ("/api/agents/barista/execute", {"message": "hello"}),
        ("/api/agents/" + "x" * 5000 + "/stream", {"message": "hello"}),
    ],
)
def test_an_unknown_agent_is_not_found_and_nobody_else_is_named(server, path, said):
    answer = server.http.post(path, json=said)
    is_problem(answer, 404, "unknown_agent")
    assert "conversation" not in answer.text
    assert len(answer.text) < 1000


def test_an_unknown_page_and_a_wrong_method_are_problems_too(server):
    is_problem(server.http.get("/api/nothing/here"), 404, "not_found")
    is_problem(server.http.get("/%ff%00/../x"), 404, "not_found")
    is_problem(server.http.delete("/api/agents"), 405, "method_not_allowed")


numbers = st.integers(-(10**30), 10**30) | st.floats(-1e300, 1e300)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)

bodies = st.fixed_dictionaries(
    {},
    optional={
        "agent_type": st.just("conversation") | anything,
        "lead": st.dictionaries(
            st.sampled_from(["email", "city", "employee_count", "annual_revenue_usd", "messages"]),
            anything,
        )
        | anything,
        "input": st.fixed_dictionaries({"message": st.just("hello") | anything}) | anything,
        "max_latency_ms": anything,
        "max_cost_usd": anything,
        "provider": anything,
        "on_failure": st.just("restart") | anything,
    },
)


@given(body=bodies, key=st.none() | st.text("ab", min_size=1, max_size=2))
@settings(max_examples=150)
def test_whatever_json_comes_the_answer_is_no_fault_of_ours(server, body, key):
    answer = server.http.post(
        START, content=json.dumps(body), headers={"idempotency-key": key} if key else {}
    )
    assert answer.status_code < 500, answer.text


@pytest.mark.anyio
async def test_a_body_that_does_not_arrive_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("api.body.TIMEOUT_S", 0.05)
    async with inside(tmp_path) as leadstream:
        reader, writer = await asyncio.open_connection("127.0.0.1", leadstream.port)
        writer.write(
            f"POST {STREAM} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{{".encode()
        )
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"}")
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"body_too_slow"' in answer
        assert (await leadstream.http.get("/api/executions")).json()["items"] == []
