"""Nobody waits for what will not come, Stop closes the vendor, and a key is told to nobody else."""

import json

import pytest

from tests.serving import events, is_problem
from tests.upstream.catalogue import EVERY
from tests.upstream.faults import Endless, HoldAfter, HoldAfterHead, HoldBeforeHead, Status
from tests.vendors.running import VENDORS, ask, serve_vendors

KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-planted-7f3c1e9a",
    "CEREBRAS_API_KEY": "csk-planted-7f3c1e9a",
    "DEEPSEEK_API_KEY": "sk-planted-7f3c1e9a",
}
KEYED = ("claude", "cerebras", "deepseek")
PLANTED = b"planted-7f3c1e9a"
BEFORE_A_WORD = (HoldBeforeHead(), HoldAfterHead())
AFTER_A_WORD = (HoldAfter(2), Endless())


def test_a_wait_of_five_minutes_is_told_and_not_slept(vendors, tmp_path):
    with serve_vendors(tmp_path, vendors.env()) as server:
        for vendor in VENDORS:
            vendors.fails(vendor, Status(429, retry_after=300))
            # The patience of this reading is ten seconds.
            told = ask(server, vendor)
            assert told.last["error"]["code"] == "upstream_throttled"
            assert told.last["error"]["retry_after_ms"] == 300_000
            assert told.outcomes == [(vendor, "failed")]


@pytest.mark.parametrize("fault", BEFORE_A_WORD, ids=repr)
@pytest.mark.parametrize("vendor", VENDORS)
def test_stop_closes_the_vendor_before_the_first_word(server, vendors, vendor, fault):
    vendors.fails(vendor, fault)
    before = len(vendors.attempts)
    started = server.start(provider=vendor)
    vendors.wait_for(lambda: vendors.attempts[before].holding)
    assert_stopped(server, vendors, vendor, started)


@pytest.mark.parametrize("fault", AFTER_A_WORD, ids=repr)
@pytest.mark.parametrize("vendor", VENDORS)
def test_stop_closes_the_vendor_in_the_middle(server, vendors, vendor, fault):
    vendors.fails(vendor, fault)
    started = server.start(provider=vendor)
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"type":"token"', 2)
    assert assert_stopped(server, vendors, vendor, started)


def assert_stopped(server, vendors, vendor, started):
    """By one stop: at the vendor, in the stream, in the store. Returns the words kept."""
    receipt = server.stop(started["stream_id"])
    vendors.wait_for(lambda: not vendors.open_sockets)
    assert vendors.attempts[-1].client_left
    assert receipt["status"] == "stopped"
    (attempt,) = receipt["metadata"]["attempts"]
    assert (attempt["provider"], attempt["outcome"]) == (vendor, "cancelled")
    assert attempt["usage_source"] != "reported"
    last = events(server.read(started["stream_id"]))[-1]
    assert (last["type"], last["reason"]) == ("stopped", "requested")
    return server.execution(started["execution_id"])["text"]


def test_stop_ends_a_wait_for_the_next_try(server, vendors):
    vendors.fails("claude", Status(429, retry_after=200))
    started = server.start(provider="claude")
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"waiting"')
        assert server.stop(started["stream_id"])["status"] == "stopped"
        assert events(reading.rest())[-1]["type"] == "stopped"
    assert len(server.execution(started["execution_id"])["metadata"]["attempts"]) == 1


def test_a_key_is_told_to_its_vendor_and_to_nobody_else(vendors, tmp_path):
    told = []
    with serve_vendors(tmp_path, vendors.env() | KEYS) as server:
        # The 401 comes last: it closes the gate.
        for name in ("400", "500 not to be tried again", "login page", "truncated JSON", "401"):
            for vendor in VENDORS:
                vendors.breaks(vendor, EVERY[name])
                told += everything_told(server, vendor)
                vendors.breaks(vendor, None)
        told.append(server.http.get("/api/providers").content)
    told += [server.logged().encode(), server.database.read_bytes()]
    used = [str(vendors.attempts_at(vendor)[-1].headers).encode() for vendor in KEYED]
    assert all(PLANTED in headers for headers in used)
    assert not any(PLANTED in part for part in told)


def everything_told(server, vendor):
    """All that one failure is told in: a stream, a Problem, an execution."""
    stream = ask(server, vendor)
    assert stream.last["type"] == "error"
    body = {"message": "hello", "provider": vendor}
    answer = server.http.post("/api/agents/conversation/execute", json=body)
    is_problem(answer, answer.status_code)
    return [stream.body, answer.content, json.dumps(stream.stored).encode()]
