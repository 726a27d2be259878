"""What a crash leaves of an answer's cost: the attempts of the dead process are in the receipt."""

import pytest

from tests.serving import events
from tests.upstream.faults import NoWords, Status
from tests.vendors.running import Told, serve_vendors


@pytest.fixture
def server(vendors, tmp_path):
    with serve_vendors(tmp_path, vendors.env()) as server:
        yield server


@pytest.mark.parametrize("fault", [NoWords(), Status(503)])
def test_attempts_before_the_one_that_a_crash_interrupted_are_kept(server, vendors, fault):
    vendors.says("claude", [f"word{n} " for n in range(60)], pace_s=0.02, input_tokens=31)
    vendors.fails("claude", fault)
    started = server.start(provider="claude", detach=True)
    with server.follow(started["stream_id"]) as reading:
        reading.until(b'"token"', times=5)
    server.kill()
    server.run()
    told = Told(server, started)
    assert [a["outcome"] for a in told.attempts] == ["failed", "interrupted", "ok"]
    failed, interrupted, whole = told.attempts
    assert failed["usage_source"] == "reported"
    assert interrupted["usage_source"] == "estimated"
    assert interrupted["output_tokens"] > 0
    assert whole["usage_source"] == "reported"
    assert len(vendors.attempts_at("claude")) >= 3
    assert [e["type"] for e in events(told.body)].count("reset") == 1
