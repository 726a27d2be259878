"""What a request handler may reach: everything that the server has wired, as one value."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from api.counters import Counters
from api.keys import LOCAL, Caller, Keyring
from api.loop_lag import LoopLag
from errors import Problem
from executions.executions import Executions
from executions.flows import Flows
from executions.places import Places
from providers.base import Provider
from settings import Settings
from store.database import Database
from streams.follower import Follower
from streams.journal import Journal


@dataclass
class House:
    """Built by the server's lifespan, which owns it; `followers` are those connected now."""

    settings: Settings
    database: Database
    journal: Journal
    executions: Executions
    flows: Flows
    providers: Mapping[str, Provider]
    readers: Places
    keys: Keyring
    followers: set[Follower] = field(default_factory=set)
    counters: Counters = field(default_factory=Counters)
    lag: LoopLag = field(default_factory=LoopLag)

    @contextmanager
    def reading(self, client: str) -> Iterator[None]:
        """A reader's place while it reads. Raises Overloaded or QuotaExceeded."""
        self.readers.take(client)
        try:
            yield
        finally:
            self.readers.leave(client)

    def dismiss_followers(self) -> None:
        """Send every reader off to the next process."""
        for follower in self.followers:
            follower.dismiss()


class NotStarted(Problem):
    status = 503
    code = "not_started"
    title = "Leadstream is not running"


def house_of(connection: HTTPConnection) -> House:
    """Raises NotStarted where the app was mounted in another one that does not run its lifespan."""
    house = getattr(connection.app.state, "house", None)
    if house is None:
        raise NotStarted(
            "Starlette runs no mounted app's lifespan: enter Leadstream's in your own, as "
            "examples/mount.py does."
        )
    return cast(House, house)


def caller_of(connection: HTTPConnection) -> Caller:
    """Who asks, as the guard at the door has found."""
    return cast(Caller, connection.state.caller)


def owner_of(connection: HTTPConnection) -> str:
    """Whose things the caller may touch, and whose is what it starts."""
    return caller_of(connection).owner


def client_of(connection: HTTPConnection) -> str:
    """Whose limits count: the key's owner, without keys the peer's address, or what a trusted
    proxy says of it."""
    if (caller := caller_of(connection)) != LOCAL:
        return caller.owner
    return connection.client.host if connection.client else ""
