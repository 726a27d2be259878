"""The test is in charge of the fakes, and is told all that came of it."""

import threading

import httpx
import pytest

from settings import Settings
from tests.upstream.faults import HoldAfter, HoldBeforeHead, Status, applies
from tests.upstream.oddities import NoUsage, WrongIndex
from tests.upstream.raw import ASK, PATHS, body_of, connect, everything, response
from tests.upstream.vendors import VOICES, FakeVendors


def test_a_client_that_keeps_its_connection_is_answered_on_it_again(vendors):
    with httpx.Client(trust_env=False) as client:
        for _ in range(2):
            client.post(f"{vendors.base_url('ollama')}/api/chat", json={"model": "m"})
        assert vendors.connections == 1
    assert [attempt.connection for attempt in vendors.attempts] == [1, 1]
    vendors.wait_for(lambda: vendors.connections == 0)


@pytest.mark.parametrize("vendor", VOICES)
def test_usage_is_recorded_as_it_was_sent(vendors, vendor):
    vendors.says(vendor, ["Hi"], input_tokens=7, output_tokens=3)
    vendors.fails(vendor, NoUsage())
    body_of(vendors, vendor)
    body_of(vendors, vendor)
    assert [attempt.usage_sent for attempt in vendors.attempts] == [None, (7, 3)]


def test_usage_is_told_only_to_who_asks_in_openais_format(vendors):
    asked = {"model": "m", "messages": ASK, "stream": True}
    url = vendors.base_url("cerebras") + "/chat/completions"
    answer = httpx.post(url, json=asked, headers={"authorization": "Bearer k"}, trust_env=False)
    assert "prompt_tokens" not in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_vendor_holds_until_it_is_released(vendors):
    vendors.says("claude", [str(number) for number in range(30)])
    vendors.fails("claude", HoldAfter(20))
    with connect(vendors, "claude", connection="close") as sock:
        vendors.wait_for(lambda: vendors.attempts[0].holding)
        assert (vendors.attempts[0].pieces_sent, vendors.open_sockets) == (20, 1)
        vendors.release()
        assert b"message_stop" in everything(sock)
    vendors.wait_for(lambda: not vendors.open_sockets)
    assert vendors.attempts[0].pieces_sent == 30
    assert vendors.attempts[0].client_left is False


@pytest.mark.anyio
async def test_a_client_that_leaves_is_seen_to_leave(vendors):
    vendors.fails("claude", HoldBeforeHead())
    sock = connect(vendors, "claude")
    await vendors.until(lambda: vendors.attempts[0].holding)
    sock.close()
    await vendors.until(lambda: not vendors.open_sockets)
    (attempt,) = vendors.attempts
    assert attempt.client_left
    assert (attempt.bytes_sent, attempt.pieces_sent) == (0, 0)


def test_faults_come_in_their_order_and_then_it_is_as_before(vendors):
    vendors.breaks("claude", Status(500))
    vendors.fails("claude", Status(401), Status(403))
    statuses = [response(vendors, "claude")[0].split()[1] for _ in range(4)]
    vendors.breaks("claude", None)
    statuses.append(response(vendors, "claude")[0].split()[1])
    assert statuses == ["401", "403", "500", "500", "200"]


def test_words_may_depend_on_the_request(vendors):
    vendors.says("ollama", lambda body: ["You said ", body["messages"][0]["content"]])
    assert b"Who are you?" in body_of(vendors, "ollama")


@pytest.mark.parametrize("vendor", sorted(VOICES.keys() - {"ollama"}))
def test_a_request_without_a_key_is_refused_and_uses_up_no_fault(vendors, vendor):
    vendors.fails(vendor, Status(500))
    answer = httpx.post(vendors.url + PATHS[vendor], json={"max_tokens": 1}, trust_env=False)
    assert answer.status_code == 401
    assert response(vendors, vendor)[0].startswith("HTTP/1.1 500")


def test_a_path_that_no_vendor_has_is_no_attempt(vendors):
    assert httpx.post(vendors.url + "/claude/v2/messages", trust_env=False).status_code == 404
    assert vendors.attempts == ()


def test_the_environment_points_every_vendor_here(vendors):
    settings = Settings(**vendors.env())
    assert settings.anthropic_base_url == vendors.url + "/claude"
    assert settings.cerebras_base_url == vendors.url + "/cerebras/v1"
    assert settings.deepseek_base_url == vendors.url + "/deepseek/v1"
    assert settings.ollama_base_url == vendors.url + "/ollama"
    assert settings.anthropic_api_key.get_secret_value() == "fake-claude-key"


def test_a_fault_that_a_vendor_cannot_show_is_refused(vendors):
    assert not applies(WrongIndex(), "ollama")
    with pytest.raises(ValueError, match="ollama cannot show WrongIndex"):
        vendors.fails("ollama", WrongIndex())


def test_a_fault_behind_the_last_piece_is_raised_at_the_end():
    vendors = FakeVendors().__enter__()
    vendors.fails("claude", HoldAfter(20))
    with connect(vendors, "claude") as sock:
        assert everything(sock) == b""
    with pytest.raises(ValueError, match="needs 20 pieces, claude's answer has 4"):
        vendors.__exit__(None, None, None)


def test_a_mistake_in_the_choice_of_words_is_raised_at_the_end():
    vendors = FakeVendors().__enter__()
    vendors.says("ollama", lambda body: [body["messages"][9]["content"]])
    with connect(vendors, "ollama") as sock:
        assert everything(sock) == b""
    with pytest.raises(IndexError):
        vendors.__exit__(None, None, None)


def test_waiting_ends(vendors):
    with pytest.raises(AssertionError, match=r"not within 0\.01 s"):
        vendors.wait_for(lambda: vendors.attempts[0], timeout_s=0.01)


def test_it_leaves_no_thread_and_no_socket():
    before = set(threading.enumerate())
    with FakeVendors() as vendors:
        vendors.fails("claude", HoldBeforeHead())
        waiting, idle = connect(vendors, "claude"), connect(vendors, "ollama")
        vendors.wait_for(lambda: vendors.attempts_at("claude")[0].holding)
        vendors.wait_for(lambda: not vendors.attempts_at("ollama")[0].open)
    assert set(threading.enumerate()) == before
    with waiting, idle:
        assert everything(waiting) == b""
        assert b'"done":true' in everything(idle)
    with pytest.raises(ConnectionRefusedError):
        connect(vendors, "claude")
