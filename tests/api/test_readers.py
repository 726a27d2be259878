"""Readers have places: so many for all, so many for one client, and never all descriptors."""

from contextlib import ExitStack
from pathlib import Path

from tests.executions.test_admission import other_client
from tests.serving import Leadstream, is_problem, script, serve, words

ENDS = ("success", "stopped")


def endless(server):
    return server.start(script(words(340), pace_ms=50), detach=True)["stream_id"]


def follow(server, stream_id):
    """A reader that is there."""
    return server.follow(stream_id).until(b'"start"')


def test_a_client_that_has_all_its_readers_is_refused_and_no_other_is(tmp_path):
    with serve(tmp_path, max_followers_per_client=2) as server, ExitStack() as stack:
        stream_id = endless(server)
        for _ in range(2):
            stack.enter_context(follow(server, stream_id))
        refused = server.http.get(f"/api/stream/{stream_id}")
        is_problem(refused, 429, "quota-exceeded")
        assert int(refused.headers["retry-after"]) > 0
        before = server.count()
        begun = server.http.post("/api/agents/conversation/stream", json={"message": "hello"})
        is_problem(begun, 429, "quota-exceeded")
        assert server.count() == before, "refused before anything was begun"
        other = stack.enter_context(other_client(server))
        with other.stream("GET", f"/api/stream/{stream_id}") as answer:
            assert answer.status_code == 200
        stack.pop_all().close()
        assert server.stop(stream_id)["status"] == "stopped"


def test_an_answer_that_is_no_stream_keeps_no_place(tmp_path):
    with serve(tmp_path, max_followers_per_client=1, max_followers=1) as server:
        stream_id = endless(server)
        for _ in range(5):
            assert server.http.get("/api/stream/nobody").status_code == 404
            assert server.http.get(f"/api/stream/{stream_id}?after=x").status_code == 400
        with follow(server, stream_id):
            is_problem(server.http.get("/api/stream/nobody"), 503)
        assert server.stop(stream_id)["status"] == "stopped"


class Cramped(Leadstream):
    """A server to which its operating system gives 200 file descriptors and no more."""

    command = ("sh", "-c", 'ulimit -n 200 && exec "$@"', "sh", *Leadstream.command)


def test_readers_leave_the_disk_and_the_vendors_their_file_descriptors(tmp_path):
    with serve(tmp_path, kind=Cramped) as server, ExitStack() as stack:
        stream_id = endless(server)
        for _ in range(140):
            stack.enter_context(follow(server, stream_id))
        is_problem(server.http.get(f"/api/stream/{stream_id}"), 503, "temporary-reduced-capacity")
        assert server.stop(server.start(detach=True)["stream_id"])["status"] in ENDS


class Modest(Leadstream):
    """One that begins with few and may have more, as most shells have it."""

    command = ("sh", "-c", 'ulimit -S -n 100 && exec "$@"', "sh", *Leadstream.command)


def test_a_limit_that_may_be_raised_is_raised_as_far_as_the_readers_need(tmp_path):
    with serve(tmp_path, kind=Modest, max_followers=700) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
        assert int(line.split()[3]) == 1001
