"""The server: wires everything, owns it while it runs, and leaves no stream behind.

settings → store → journal → providers → router → agents → executions → api. Nothing happens at
import; `create_app(settings)` describes the house and its lifespan builds and empties it.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

import agents
import providers
from agents.grounding.sources import load_sources
from agents.grounding.sources.asking import Sources
from api import agents as agents_api
from api import (
    collector,
    console,
    conversations,
    docs,
    enrichment,
    executions,
    health,
    leads,
    metrics,
    openapi,
    probe,
    problems,
    route,
    seller_profile,
    streams,
    workflows,
)
from api.guard import guard
from api.house import House
from api.keys import open_keyring
from api.prefix import Prefix
from api.protocol import Protocol
from api.readers import most_readers
from api.reports import Reports
from errors import Problem
from executions.admission import Admission
from executions.budget import Budgets
from executions.executions import Executions
from executions.flow_recovery import take_up_flows
from executions.flows import Flows
from executions.places import Places
from executions.recovery import go_on, take_up
from executions.workflows import load_workflows
from providers.base import Provider
from routing.candidates import Candidates
from routing.catalog import load_catalog
from routing.model_router import ModelRouter
from routing.one_answer import one_answer
from settings import Settings
from store import executions as executions_table
from store import provider_state
from store.database import Database
from store.lock import server_lock
from streams.journal import Journal
from streams.retention import keep_for

HEADERS = [("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff")]
"""On every answer."""

FAREWELL_S = 5
"""How long readers get to take their farewell before their connections are cut."""

logger = logging.getLogger("leadstream.server")


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Its lifespan must run: `python server.py` and `Server` see to that."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                house = await _build(settings, stack)
            except Problem as problem:
                app.state.refusal = problem
                raise
            except Exception:
                # uvicorn's own report of it is muted with the rest of what it repeats.
                logger.exception("the server cannot start")
                raise
            app.state.house = house
            yield
            await house.executions.drain(0)

    app = Starlette(
        routes=[
            *streams.routes,
            *agents_api.routes,
            *executions.routes,
            *workflows.routes,
            *conversations.routes,
            *seller_profile.routes,
            *leads.routes,
            *enrichment.routes,
            *route.routes,
            *health.routes,
            *metrics.routes,
            *console.routes(settings),
            *openapi.routes,
            *docs.routes,
            *probe.routes,
        ],
        lifespan=lifespan,
        exception_handlers={
            Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
            Exception: problems.on_bug,
        },
    )
    guard(app, settings)
    app.add_middleware(Prefix, root_path=settings.root_path, trusted=settings.forwarded_allow_ips)
    return app


async def _build(settings: Settings, stack: AsyncExitStack) -> House:
    """Everything, in the order in which it is needed; `stack` takes it down in reverse."""
    stack.enter_context(server_lock(settings.database_path))
    database = await stack.enter_async_context(Database(settings.database_path))
    keys = await open_keyring(settings, database)
    found = agents.load_agents()
    # Who reads prose waits for its first word; the others are shown what is known meanwhile.
    models = await _providers(settings, stack, tuple(a.system for a in found.values() if a.prose))
    candidates = Candidates(models, settings, load_catalog())
    candidates.restore(await provider_state.load_all(database))
    await asyncio.to_thread(candidates.prices.load)
    journal = Journal(
        database,
        interval_s=settings.journal_interval_ms / 1000,
        beside=lambda: [
            provider_state.saved(name, state, datetime.now(UTC))
            for name, state in candidates.unsaved().items()
        ],
    )
    await stack.enter_async_context(journal)
    running = Executions(
        agents=found,
        router=ModelRouter(candidates),
        journal=journal,
        database=database,
        settings=settings,
        sources=await _sources(settings, stack, database),
        budgets=await _budgets(settings, database),
        admission=Admission(
            database,
            journal,
            Places(
                "streams", settings.max_streams, settings.max_streams_per_client, retry_after_s=2
            ),
        ),
    )
    house = House(
        settings=settings,
        database=database,
        journal=journal,
        executions=running,
        flows=Flows(load_workflows(found), running),
        providers=models,
        readers=Places(
            "readers",
            most_readers(settings.max_followers),
            settings.max_followers_per_client,
            retry_after_s=5,
        ),
        keys=keys,
    )
    journal.on_stalled = house.executions.break_off
    journal.on_commit = house.counters.committed
    reports = Reports(house.counters)
    house.executions.on_begun, house.executions.on_ended = reports.begun, reports.ended
    house.counters.registry.register(metrics.Now(house))
    taken = [
        *await take_up(running, attempts=settings.recovery_attempts),
        *await take_up_flows(house.flows, attempts=settings.recovery_attempts),
    ]
    for work in (
        go_on(running, taken),
        keep_for(database, settings.retention_days),
        keys.keep_fresh(),
        house.lag.watch(),
        collector.tend(models.values(), lambda: running.running),
    ):
        stack.callback(asyncio.create_task(work).cancel)
    return house


async def _budgets(settings: Settings, database: Database) -> Budgets:
    if settings.daily_budget_usd is None:
        return Budgets()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    spent = await executions_table.spent_since(database, yesterday)
    return Budgets(settings.daily_budget_usd, spent)


async def _providers(
    settings: Settings, stack: AsyncExitStack, prompts: tuple[str, ...]
) -> dict[str, Provider]:
    """Every provider; those that can be used are open."""
    models = {name: kind(settings) for name, kind in providers.load_providers().items()}
    for provider in models.values():
        provider.constant_prompts = prompts
        if provider.missing(settings) is None:
            await stack.enter_async_context(provider)
    return models


async def _sources(settings: Settings, stack: AsyncExitStack, database: Database) -> Sources:
    made = [kind(settings) for kind in load_sources()]
    for source in (source for source in made if source.configured()):
        source.ask = await stack.enter_async_context(one_answer(source.name, settings))
    return Sources(made, database, late_wait_s=settings.clay_callback_wait_s)


class Server(uvicorn.Server):
    """uvicorn with a drain of our own: SIGTERM lets streams end, a second signal exits at once.

    uvicorn would close its listener first and cancel streams after the lifespan's end.
    """

    def __init__(
        self,
        app: Starlette,
        settings: Settings,
        *,
        on_started: Callable[[House, int], None] = lambda house, port: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Protocol,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # `Prefix` reads them, while the peer is still known
                headers=HEADERS,
                timeout_graceful_shutdown=FAREWELL_S,
            )
        )
        self._app = app
        self._on_started = on_started
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            port = self.servers[0].sockets[0].getsockname()[1]
            self._on_started(self._app.state.house, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came. Nothing of it is re-raised at the end: a drained server exits with 0."""
        if not self.started:
            sys.exit(1)
        if self._draining is not None:
            os._exit(1)
        self._loop.call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        self._draining = self._draining or asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        house: House = self._app.state.house
        logger.info("draining: %d streams run", len(house.executions.running))
        await house.executions.drain(house.settings.drain_s)
        house.dismiss_followers()
        self.should_exit = True


if __name__ == "__main__":
    from cli import main

    sys.exit(main())
