"""What an answer of a vendor costs, to the last digit, and how a bound on it cuts."""

import re

import pytest

from tests.serving import words
from tests.upstream.faults import Endless, NoWords
from tests.vendors.running import ask, serve_vendors

MODELS = {"CLAUDE_MODEL": "claude-sonnet-4-20250514", "CEREBRAS_MODEL": "llama3.1-8b"}


@pytest.fixture(scope="module")
def server(vendors, tmp_path_factory):
    with serve_vendors(tmp_path_factory.mktemp("money"), vendors.env() | MODELS) as server:
        yield server


def numbers(body, name):
    """Every number of that name in the last event, as the characters that were sent."""
    last = body.rstrip(b"\n").rpartition(b"data: ")[2]
    return re.findall(rb'"%s":([^,}]+)' % name.encode(), last)


@pytest.mark.parametrize(
    ("vendor", "counts", "cost"),
    [
        ("claude", (31, 110), b"0.001743"),
        ("cerebras", (30, 30), b"0.000006"),
        ("ollama", (31, 110), b"0"),
    ],
)
def test_an_answer_costs_what_the_vendors_counts_price_to(server, vendors, vendor, counts, cost):
    of_input, of_output = counts
    vendors.says(vendor, ["Hello"], input_tokens=of_input, output_tokens=of_output)
    told = ask(server, vendor)
    assert told.last["type"] == "complete"
    assert (told.metadata["input_tokens"], told.metadata["output_tokens"]) == counts
    assert numbers(told.body, "total_cost_usd") == [cost]
    assert numbers(told.body, "cost_usd") == [cost]
    page = server.http.get(f"/api/executions/{told.stored['execution_id']}").content
    assert re.findall(rb'"total_cost_usd":([^,}]+)', page)[0] == cost


def test_every_attempt_that_was_billed_is_in_the_sum(server, vendors):
    vendors.says("claude", ["Hello"], input_tokens=31, output_tokens=110)
    vendors.fails("claude", NoWords())
    told = ask(server, "claude")
    assert told.outcomes == [("claude", "failed"), ("claude", "ok")]
    assert numbers(told.body, "total_cost_usd") == [b"0.003486"]


def test_a_bound_on_the_cost_cuts_inside_the_stream(server, vendors):
    vendors.says("claude", ["Hello"], input_tokens=31)
    vendors.fails("claude", Endless(word=" more"))
    told = ask(server, "claude", max_cost_usd=0.002)
    assert (told.last["type"], told.last["reason"]) == ("stopped", "budget")
    # 31 tokens of input leave money for 127 of output: 508 characters of what is shown.
    assert 100 <= len(told.text) // 4 <= 130
    assert told.text == " more" * (len(told.text) // 5)
    assert (told.stored["status"], told.stored["text"]) == ("stopped", told.text)
    assert told.outcomes == [("claude", "cancelled")]
    vendors.wait_for(lambda: not vendors.open_sockets)
    assert vendors.attempts_at("claude")[-1].client_left


def test_an_answer_inside_its_bound_is_whole(server, vendors):
    vendors.says("claude", [words(40)], input_tokens=31, output_tokens=110)
    told = ask(server, "claude", max_cost_usd=0.002)
    assert (told.last["type"], told.text) == ("complete", words(40))
