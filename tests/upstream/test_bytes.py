"""What leaves the socket, byte by byte, in health and under every fault."""

import gzip

import httpx
import pytest

from tests.upstream.catalogue import EVERY
from tests.upstream.faults import CutAfter, Elsewhere, EndAfter, ResetAfter, applies
from tests.upstream.oddities import Bytewise, Gzip, GzipBomb, InvalidUtf8, SplitSurrogate
from tests.upstream.raw import body_of, connect, everything, response, unchunked
from tests.upstream.vendors import VOICES

NEVER_ENDING = {"only pings", "endless"}
WORDS = ["Sch", "ön", " <", "你", "🙂", ">"]


@pytest.mark.parametrize("vendor", VOICES)
def test_a_clean_end_is_whole_for_http_and_has_no_end_marker(vendors, vendor):
    healthy = body_of(vendors, vendor)
    vendors.fails(vendor, EndAfter(2))
    chunks, whole = unchunked(response(vendors, vendor)[1])
    assert whole
    assert b" from" in chunks[-1]
    for marker in (b"message_stop", b"[DONE]", b'"done":true'):
        assert marker not in b"".join(chunks)
    assert any(marker in healthy for marker in (b"message_stop", b"[DONE]", b'"done":true'))


def test_a_cut_lacks_the_last_chunk(vendors):
    vendors.fails("cerebras", CutAfter(2))
    chunks, whole = unchunked(response(vendors, "cerebras")[1])
    assert not whole
    assert b" from" in chunks[-1]


def test_a_reset_arrives_behind_the_pieces_and_is_no_orderly_end(vendors):
    vendors.fails("ollama", ResetAfter(2))
    with connect(vendors, "ollama") as sock:
        vendors.wait_for(lambda: not vendors.attempts[0].open)
        assert b" from" in sock.recv(1 << 16)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert vendors.attempts[0].client_left is False


def test_an_event_can_stop_inside_a_character(vendors):
    vendors.fails("deepseek", EndAfter(2, mid_event=True))
    assert body_of(vendors, "deepseek").endswith(b'"content":"\xc3')


def test_byte_by_byte_means_that_every_chunk_is_one_byte(vendors):
    vendors.says("ollama", WORDS)
    healthy = body_of(vendors, "ollama")
    vendors.fails("ollama", Bytewise())
    chunks, _ = unchunked(response(vendors, "ollama")[1])
    assert {len(chunk) for chunk in chunks} == {1}
    assert b"".join(chunks) == healthy
    assert vendors.attempts[1].pieces_sent == len(WORDS)


@pytest.mark.parametrize("vendor", VOICES)
def test_a_surrogate_pair_comes_as_two_escapes_in_two_events(vendors, vendor):
    vendors.fails(vendor, SplitSurrogate(2))
    chunks, _ = unchunked(response(vendors, vendor)[1])
    (first,) = [number for number, chunk in enumerate(chunks) if rb'"\ud83d"' in chunk]
    assert rb'"\ude42"' in chunks[first + 1]


def test_invalid_utf8_is_invalid(vendors):
    vendors.fails("claude", InvalidUtf8())
    with pytest.raises(UnicodeDecodeError):
        body_of(vendors, "claude").decode()


def test_who_follows_a_redirect_to_another_origin_is_seen_twice(vendors):
    vendors.fails("ollama", Elsewhere())
    url = vendors.base_url("ollama") + "/api/chat"
    answer = httpx.post(url, json={"model": "m"}, follow_redirects=True, trust_env=False)
    assert answer.url.host == "localhost"
    assert [status.status_code for status in (*answer.history, answer)] == [307, 200]
    assert [attempt.model for attempt in vendors.attempts] == ["m", "m"]


def test_gzip_is_for_who_accepts_it(vendors):
    healthy = body_of(vendors, "ollama")
    vendors.fails("ollama", Gzip(), Gzip())
    assert body_of(vendors, "ollama") == healthy
    head, body = response(vendors, "ollama", accept_encoding="gzip, deflate")
    assert "content-encoding: gzip" in head
    assert gzip.decompress(b"".join(unchunked(body)[0])) == healthy


def test_a_gzip_bomb_is_small_until_it_is_opened(vendors):
    vendors.fails("deepseek", GzipBomb())
    packed = body_of(vendors, "deepseek")
    assert len(packed) < 1 << 18
    assert len(gzip.decompress(packed)) > 64 << 20


PAIRS = [(vendor, name) for vendor in VOICES for name in EVERY if applies(EVERY[name], vendor)]


@pytest.mark.parametrize(("vendor", "name"), PAIRS)
def test_every_fault_is_played_to_its_end_or_until_the_client_leaves(vendors, vendor, name):
    vendors.fails(vendor, EVERY[name])
    with connect(vendors, vendor, connection="close") as sock:
        if name.startswith("hang"):
            vendors.wait_for(lambda: vendors.attempts[0].holding)
            vendors.release()
        if name in NEVER_ENDING:
            vendors.wait_for(lambda: vendors.attempts[0].bytes_sent > 100)
        elif name.startswith("reset"):
            with pytest.raises(ConnectionResetError):
                everything(sock)
        else:
            everything(sock)
    vendors.wait_for(lambda: not vendors.open_sockets)
    (attempt,) = vendors.attempts
    assert attempt.fault == EVERY[name]
    assert attempt.client_left is (name in NEVER_ENDING)
