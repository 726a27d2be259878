"""Budgets: what a key may spend in a day, whatever runs at once and however often it is killed."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest

from errors import TooMany
from executions.budget import Budgets
from tests import serving
from tests.keys.keyed import bearer, made, started
from tests.serving import events, is_problem
from tests.upstream.faults import Endless
from tests.upstream.vendors import FakeVendors

CAP = Decimal("0.01")
A_TOKEN = Decimal("0.000015")
"""The price of one of claude-sonnet's."""

MODELS = {"CLAUDE_MODEL": "claude-sonnet-4-20250514"}


@pytest.fixture
def vendors():
    """Fake vendors of which Claude never stops talking."""
    with FakeVendors() as vendors:
        vendors.says("claude", ["Hello"], input_tokens=31)
        vendors.breaks("claude", Endless(word=" hey"))
        yield vendors


@contextmanager
def serve(vendors, folder):
    """A server that knows the vendors, also when it is started again."""
    alone = serving.environment

    def environment(folder, **said):
        return alone(folder, **said) | vendors.env() | MODELS

    with (
        mock.patch.object(serving, "environment", environment),
        serving.serve(folder, providers="claude", daily_budget_usd=CAP) as server,
    ):
        yield server


def cost(event):
    return Decimal(str(event["metadata"]["total_cost_usd"]))


def within_a_token(spent, tokens=1):
    return CAP - A_TOKEN * tokens <= spent <= CAP + A_TOKEN * tokens


def test_a_stream_ends_where_the_days_budget_does(vendors, tmp_path):
    ours = made(tmp_path, "crm", "website")
    with serve(vendors, tmp_path) as server:
        stream = started(server, ours["crm"])["stream_id"]
        *_, last = events(server.read(stream, **bearer(ours["crm"])))
        assert (last["type"], last["reason"]) == ("stopped", "budget")
        assert within_a_token(cost(last))

        refused = server.try_to_start(headers=bearer(ours["crm"]))
        assert is_problem(refused, 429, "budget_exhausted")["retryable"]
        midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        wait = int(refused.headers["retry-after"])
        assert abs(datetime.now(UTC) + timedelta(seconds=wait) - midnight) < timedelta(minutes=1)
        assert server.try_to_start(headers=bearer(ours["website"])).status_code == 201

        server.kill()
        server.run()
        assert server.try_to_start(headers=bearer(ours["crm"])).status_code == 429


def test_what_runs_at_once_shares_the_budget(vendors, tmp_path):
    with serve(vendors, tmp_path) as server:
        streams = [server.start("hello")["stream_id"] for _ in range(3)]
        ends = [events(server.read(stream))[-1] for stream in streams]
        assert {end["reason"] for end in ends} == {"budget"}
        assert within_a_token(sum(map(cost, ends)), tokens=3)


def test_a_kill_buys_no_second_budget(vendors, tmp_path):
    with serve(vendors, tmp_path) as server:
        stream = server.start("hello")["stream_id"]
        with server.follow(stream) as reading:
            reading.until(b'"token"', times=3)
        server.kill()
        server.run()
        last = events(server.read(stream))[-1]
        assert last["metadata"]["attempts"][0]["outcome"] == "interrupted"
        assert within_a_token(cost(last))
        is_problem(server.try_to_start(), 429, "budget_exhausted")


def test_a_bound_of_the_start_still_counts_inside_the_budget(vendors, tmp_path):
    with serve(vendors, tmp_path) as server:
        stream = server.start("hello", max_cost_usd=0.002)["stream_id"]
        last = events(server.read(stream))[-1]
        assert Decimal("0.0019") < cost(last) < Decimal("0.0021")
        assert server.try_to_start().status_code == 201


# The ledger itself.

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def budgets(at=NOON, spent=None):
    """A budget of one dollar, and a clock that is set by its item."""
    clock = [at]
    return Budgets(Decimal(1), spent, now=lambda: clock[0]), clock


def take_all(grant):
    while grant.extend():
        pass
    return grant.usd


def test_what_was_reserved_and_not_spent_is_free_again():
    ours, _ = budgets()
    first = ours.grant("ann", 0)
    assert take_all(first) == 1
    with pytest.raises(TooMany):
        ours.reserve(ours.grant("ann", 0))
    ours.reserve(ours.grant("bob", 0))
    for _ in range(2):
        first.settle(Decimal("0.25"))
    assert take_all(ours.grant("ann", 0)) == Decimal("0.75")


def test_another_day_has_a_budget_of_its_own():
    ours, clock = budgets()
    over_midnight = ours.grant("ann", 0)
    assert over_midnight.extend()
    clock[0] += timedelta(hours=13)
    assert take_all(ours.grant("ann", 0)) == 1
    assert take_all(over_midnight) == 1, "it spends what the day has that it began on"


def test_what_is_taken_up_again_belongs_to_the_day_of_its_start():
    ours, _ = budgets(spent={("ann", "2026-11-25"): Decimal("0.75")})
    assert take_all(ours.grant("ann", elapsed_s=13 * 3600)) == Decimal("0.25")


def test_what_an_earlier_process_has_spent_counts():
    ours, _ = budgets(spent={("ann", "2026-11-26"): Decimal("0.9"), ("ann", "2026-11-25"): 1})
    assert take_all(ours.grant("ann", 0)) == Decimal("0.1")


def test_a_refusal_says_when_the_next_day_begins():
    ours, _ = budgets(spent={("ann", "2026-11-26"): Decimal(1)})
    with pytest.raises(TooMany) as refused:
        ours.reserve(ours.grant("ann", 0))
    assert refused.value.retry_after_s == 12 * 3600


def test_without_a_budget_nothing_is_granted_and_nothing_refused():
    ours = Budgets()
    assert ours.grant("ann", 0) is None
    ours.reserve(None)
