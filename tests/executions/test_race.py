"""A Stop that comes at the very moment of the end: one of the two wins, and everybody is told."""

import random
from concurrent.futures import ThreadPoolExecutor

from tests.serving import events, script, types, words


def raced(server, seed):
    """Stop a short stream at some event of it; its receipt, its events and its row."""
    dice = random.Random(seed)
    start = server.start(script(words(6), pace_ms=dice.choice([1, 1, 1, 30])))
    with server.follow(start["stream_id"]) as reading:
        reading.until(b"\nid: ", times=dice.randint(1, 10))
        receipt = server.stop(start["stream_id"])
        body = reading.rest()
    return receipt, body, server.execution(start["execution_id"])


def test_whichever_comes_first_there_is_one_end_and_one_receipt(server):
    with ThreadPoolExecutor(4) as clients:
        races = list(clients.map(lambda seed: raced(server, seed), range(60)))
    for receipt, body, execution in races:
        *before, end = events(body)
        assert end["type"] in ("complete", "stopped")
        assert {"complete", "error", "stopped"}.isdisjoint(types(body)[:-1])
        assert receipt["metadata"] == execution["metadata"] == end["metadata"]
        status = {"complete": "success", "stopped": "stopped"}[end["type"]]
        assert receipt["status"] == execution["status"] == status
        said = "".join(event["content"] for event in before if event["type"] == "token")
        assert execution["text"] == said
    assert {execution["status"] for _, _, execution in races} == {"success", "stopped"}
