"""Asking: what stands between an execution and the sources: a cache, one flight a key, a purse.

An answer that was paid for is kept in the store until it is too old, and whoever asks for the same
while it is on its way gets that one. Credits are taken before a request goes out and given back
when the answer says that it cost none; where nobody knows, they count as spent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, Literal
from weakref import WeakValueDictionary

from agents.grounding.sources.base import Question, Source
from agents.grounding.sources.values import read
from errors import UNKNOWN_OUTCOME, Fault
from store import enrichment as table
from store.database import Database

KEPT_FOR = {"company": timedelta(days=90), "person": timedelta(days=30), "lead": timedelta(days=30)}
MISS_FOR = timedelta(days=7)
LATE_FOR = timedelta(hours=24)
SOON_S = 2

Fields = Mapping[str, dict[str, Any]]
"""By name `{value, source, retrieved_at, confidence, status}`."""


@dataclass
class Order:
    """On whose behalf is asked, and what it may still cost."""

    owner: str
    execution_id: str
    credits: int
    refresh: bool = False


@dataclass(frozen=True)
class Looked:
    """What a lookup has come to."""

    name: str
    about: str
    match: Literal["found", "none", "pending", "failed", "skipped"]
    fields: Fields
    http_status: int | None = None
    credits: int = 0
    ms: int = 0
    cached: bool = False
    why: str | None = None
    callback_id: str | None = None
    """Where it is pending: who has it may answer, so it is shown to nobody."""

    def answered(self, answer: Fields | None, **more: Any) -> "Looked":
        """With an answer, or without one yet."""
        match: Any = "pending" if answer is None else "found" if answer else "none"
        return replace(self, match=match, fields=answer or {}, **more)

    def shown(self) -> dict[str, Any]:
        """As an element of the result's `providers`."""
        own = {"fields", "callback_id"}
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in own}


class _Flight:
    def __init__(self, task: asyncio.Task[Looked]) -> None:
        self.task = task
        self.waiting = 0


class Sources:
    """All sources by name, who is asked first coming first."""

    def __init__(
        self,
        sources: Iterable[Source],
        database: Database,
        *,
        late_wait_s: float = 5,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.all = {source.name: source for source in sources}
        self._database = database
        self.late_wait_s = late_wait_s
        self._now = now
        self._flights: dict[tuple[str, ...], _Flight] = {}
        self._late: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    async def look_up(self, source: Source, question: Question, order: Order) -> Looked:
        """Ask, unless it is known or somebody is asking. Faults and caps are outcomes too.

        One at a time for an order: what it costs is known when it has ended.
        """
        place = order.owner, source.name, question.key
        while (flight := self._flights.get(place)) is not None:
            looked = await self._join(place, flight)
            if looked.match != "skipped":
                return replace(looked, credits=0, cached=True)
        flight = _Flight(asyncio.create_task(self._look_up(source, question, order)))
        self._flights[place] = flight
        looked = await self._join(place, flight)
        order.credits -= looked.credits
        return looked

    async def _join(self, place: tuple[str, ...], flight: _Flight) -> Looked:
        """Wait for a flight; when nobody waits any more it ends."""
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.task.done() or not flight.waiting:
                if self._flights.get(place) is flight:
                    del self._flights[place]
                flight.task.cancel()
                await asyncio.wait([flight.task])

    async def _look_up(self, source: Source, question: Question, order: Order) -> Looked:
        began = perf_counter()
        known = await table.cached(self._database, order.owner, source.name, question.key)
        looked = Looked(source.name, question.about, "skipped", {})
        if known is not None and self._counts(known, order):
            # What this execution has paid for stays its own when it begins anew.
            credits = known["credits"] if known["execution_id"] == order.execution_id else 0
            looked = looked.answered(
                known["answer"], credits=credits, cached=True, callback_id=known["callback_id"]
            )
        elif question.credits > order.credits:
            looked = replace(looked, why="max_credits is reached")
        else:
            try:
                looked = await self._asked(source, question, order)
            except Fault as fault:
                old = (known and known["answer"]) or {}
                looked = replace(
                    looked,
                    match="failed",
                    fields={name: {**field, "status": "stale"} for name, field in old.items()},
                    http_status=fault.extra.get("http_status"),
                    credits=question.credits if isinstance(fault, UNKNOWN_OUTCOME) else 0,
                    why=fault.detail,
                )
        return replace(looked, ms=round((perf_counter() - began) * 1000))

    def _counts(self, known: dict[str, Any], order: Order) -> bool:
        """Whether what is cached is the answer. What is awaited is not asked for again."""
        if known["expires_at"] <= self._now().isoformat():
            return False
        own = known["execution_id"] == order.execution_id
        return own or known["answer"] is None or not order.refresh

    async def _asked(self, source: Source, question: Question, order: Order) -> Looked:
        found = await source.lookup(question)
        answer = None if found.callback_id else self._fields(source, found.fields)
        if source.caches:
            row = {
                "owner": order.owner,
                "source": source.name,
                "key": question.key,
                "answer": answer,
                "callback_id": found.callback_id,
                "credits": found.credits,
                "execution_id": order.execution_id,
                "expires_at": self._until(question.key, answer),
            }
            await self._database.write(table.kept(row))
        looked = Looked(source.name, question.about, "found", {}, found.http_status, found.credits)
        return looked.answered(answer, callback_id=found.callback_id)

    def _fields(self, source: Source, values: Mapping[str, Any]) -> Fields:
        said = {
            "source": source.name,
            "retrieved_at": self._now().isoformat(),
            "confidence": source.confidence,
            "status": "single_source",
        }
        return {name: {"value": value, **said} for name, value in values.items()}

    def _until(self, key: str, answer: Fields | None) -> str:
        kept = KEPT_FOR[key.partition(" ")[0]]
        if not answer:
            kept = LATE_FOR if answer is None else MISS_FOR
        return (self._now() + kept).isoformat()

    # Late answers.

    async def late(self, callback_id: str) -> Fields | None:
        """What has been awaited, after a moment's patience; None where it has not come yet."""
        came = self._late.setdefault(callback_id, asyncio.Event())
        known = await table.awaited(self._database, callback_id)
        if known is not None and known["answer"] is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(came.wait(), self.late_wait_s)
            known = await table.awaited(self._database, callback_id)
        return known and known["answer"]

    async def take(self, source: Source, callback_id: str, said: Mapping[str, Any]) -> bool:
        """A late answer: it goes to the lead, to results that wait and to who waits now.

        False for one that nobody has asked for. The second one under an id changes nothing.
        """
        # Whoever answers at once may be here before the row that says what was asked; and what is
        # on its way may arrive while we look.
        flights = [flight.task for flight in self._flights.values()]
        known = await table.awaited(self._database, callback_id)
        if known is None and flights:
            await asyncio.wait(flights, timeout=SOON_S)
            known = await table.awaited(self._database, callback_id)
        if known is None:
            return False
        fields = self._fields(source, read(said))
        until = self._until(known["key"], fields)
        await self._database.transact(table.answered(callback_id, fields, until))
        if (came := self._late.get(callback_id)) is not None:
            came.set()
        return True
