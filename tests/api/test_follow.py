"""Following a stream: wherever a reader drops and however often it comes back."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.reading import until
from tests.serving import (
    events,
    frames,
    is_problem,
    last_id,
    numbered,
    script,
    serve,
    text,
    types,
    whole_frames,
    words,
)


@pytest.fixture(scope="module")
def ended(server):
    """A stream that has ended, and what it says when nobody disturbs it."""
    stream_id = server.start(script(words(60)))["stream_id"]
    return stream_id, frames(server.read(stream_id))


def read_with_drops(server, stream_id, seed):
    """As an EventSource on a bad line: every few bytes it comes back with its last id."""
    dice = random.Random(seed)
    seen, after = b"", None
    for _ in range(1000):
        with server.follow(stream_id, last_event_id=after) as reading:
            if reading.status == 204:
                return seen
            # At most 2,500: a line that always breaks within one frame never brings it over.
            part = reading.until_bytes(dice.randint(1, 2500))
            dice.choice([reading.reset, lambda: None])()
        seen += whole_frames(part)
        after = last_id(part) or after
    raise AssertionError("nobody tells the reader that he has everything")


@pytest.mark.parametrize("seed", range(4))
def test_a_reader_that_drops_at_any_byte_has_in_the_end_what_an_undisturbed_one_has(server, seed):
    stream_id = server.start(script(words(40), pace_ms=3))["stream_id"]
    with ThreadPoolExecutor(4) as readers:
        disturbed = [
            readers.submit(read_with_drops, server, stream_id, seed * 4 + n) for n in (1, 2, 3)
        ]
        undisturbed = readers.submit(server.read, stream_id)
    assert types(undisturbed.result())[-1] == "complete"
    for reading in disturbed:
        assert reading.result() == frames(undisturbed.result())


def test_every_place_at_which_a_connection_can_break_is_a_place_to_go_on_from(server, ended):
    stream_id, whole = ended
    body = server.read(stream_id)
    for cut in random.Random(7).sample(range(1, len(body)), 40):
        seen = body[:cut]
        rest = server.read(stream_id, last_event_id=last_id(seen))
        assert whole_frames(seen) + frames(rest) == whole


def test_a_late_reader_sees_the_whole_from_the_beginning(server):
    stream_id = server.start(script(words(30), pace_ms=3))["stream_id"]
    with server.follow(stream_id) as early:
        early.until(b'"token"', times=10)
        with server.follow(stream_id) as late:
            assert frames(late.rest()) == frames(early.rest())


def test_a_reader_who_has_everything_is_told_to_stop_asking(server, ended):
    stream_id, whole = ended
    with server.follow(stream_id, last_event_id=last_id(whole)) as reading:
        assert reading.status == 204
        assert reading.rest() == b""


def test_a_reader_who_has_everything_of_a_running_stream_waits_for_more(server):
    stream_id = server.start(script(words(3), pace_ms=100))["stream_id"]
    with server.follow(stream_id) as reading:
        reading.until(b'"token"')
        after = last_id(reading.body)
        with server.follow(stream_id, last_event_id=after) as again:
            assert again.status == 200
            assert whole_frames(reading.body) + frames(again.rest()) == frames(reading.rest())


def test_the_query_names_a_place_too_and_the_header_wins(server, ended):
    stream_id, whole = ended
    assert numbered(server.read(stream_id, "?after=10"))[0][0] == 11
    assert numbered(server.read(stream_id, "?after=10", last_event_id="20"))[0][0] == 21
    assert frames(server.read(stream_id, "?after=0")) == whole


@pytest.mark.parametrize("place", ["0", "000000000000000000"])
def test_zero_is_the_beginning(server, ended, place):
    stream_id, whole = ended
    assert frames(server.read(stream_id, last_event_id=place)) == whole


def test_a_reader_ahead_of_the_log_gets_the_whole_again_behind_a_reset(server, ended):
    """Its database was restored from a backup, say: what it has shown never was."""
    stream_id, whole = ended
    body = server.read(stream_id, last_event_id="999999999999999999")
    (number, reset), *_ = numbered(body)
    assert number is None
    assert reset == {"type": "reset", "reason": "rewind", "provider": None}
    assert frames(body).split(b"\n\n", 1)[1] == whole
    assert body.startswith(b": ping\nretry: ")


def test_a_reader_ahead_of_a_running_log_gets_it_from_the_beginning(server):
    stream_id = server.start(script(words(10), pace_ms=10))["stream_id"]
    body = server.read(stream_id, "?after=5000")
    assert types(body)[:2] == ["reset", "start"]
    assert text(body) == words(10)


def test_what_is_durable_now_can_be_had_without_waiting(server):
    started = server.start(script(words(400), pace_ms=50))
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"token"', times=2)
        now = server.read(started["stream_id"], "?live=0")
        assert frames(now).startswith(whole_frames(reading.body))
        assert "complete" not in types(now)
        after = last_id(now)
        server.stop(started["stream_id"])
    later = server.read(started["stream_id"], "?live=0", last_event_id=after)
    assert types(later)[-1] == "stopped"


def test_asking_for_the_headers_alone_starts_nothing_and_ends(server, ended):
    before = server.count()
    running = server.start(script(words(400), pace_ms=50))["stream_id"]
    for stream_id in (running, ended[0]):
        answer = server.http.head(f"/api/stream/{stream_id}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    server.stop(running)
    assert server.count() == before + 1


def test_an_events_url_takes_no_post(server, ended):
    before = server.count()
    answer = server.http.post(f"/api/stream/{ended[0]}")
    is_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
    assert server.count() == before


def test_an_unknown_stream_is_not_found(server):
    is_problem(server.http.get("/api/stream/st_unknown"), 404, "unknown_stream")


def test_a_stream_outlives_its_server_byte_for_byte(tmp_path):
    with serve(tmp_path) as server:
        stream_id = server.start(script(words(50)))["stream_id"]
        before = server.read(stream_id)
        server.terminate()
        server.run()
        assert frames(server.read(stream_id)) == frames(before)
        half = str(len(events(before)) // 2)
        rest = frames(server.read(stream_id, last_event_id=half))
        assert frames(before).endswith(rest)
        assert numbered(rest)[0][0] == int(half) + 1
        with server.follow(stream_id, last_event_id=last_id(before)) as reading:
            assert reading.status == 204


def test_one_reader_too_many_is_refused_and_one_who_vanishes_makes_room(tmp_path):
    with serve(tmp_path, max_followers=2) as server:
        stream_id = server.start(script(words(340), pace_ms=50), detach=True)["stream_id"]
        with server.follow(stream_id) as reading:
            reading.until(b'"start"')
            for _ in range(20):
                vanishing = until(lambda: taken_in(server, stream_id))
                refused = server.http.get(f"/api/stream/{stream_id}")
                is_problem(refused, 503, "temporary-reduced-capacity")
                assert int(refused.headers["retry-after"]) > 0
                vanishing.reset()


def taken_in(server, stream_id):
    """A reader, if there is room: the server finds out soon, not at once, that one was reset."""
    reading = server.follow(stream_id)
    if reading.status == 200:
        return reading.until(b'"start"')
    return reading.__exit__()
