"""What a request handler may reach: everything that the server has wired, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from api.counters import Counters
from errors import Overloaded
from executions.executions import Executions
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
    providers: Mapping[str, Provider]
    followers: set[Follower] = field(default_factory=set)
    counters: Counters = field(default_factory=Counters)

    def admit_follower(self) -> None:
        """Raises Overloaded where one more reader would be too many."""
        if len(self.followers) >= self.settings.max_followers:
            raise Overloaded(
                f"{self.settings.max_followers} readers are connected; try again soon.",
                retry_after_s=5,
            )

    def dismiss_followers(self) -> None:
        """Send every reader off to the next process."""
        for follower in self.followers:
            follower.dismiss()


def house_of(connection: HTTPConnection) -> House:
    return cast(House, connection.state.house)
