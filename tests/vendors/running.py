"""The real server, the real SDKs and fake vendors: what the tests of this folder run and ask."""

from tests.serving import Leadstream, events, serve, text

ONE_MODEL = {"CLAUDE_MODEL": "claude-haiku-5-5"}
"""By default Claude has two: the second would take over from the first."""

NAMES = "cerebras,claude,deepseek,ollama"
VENDORS = tuple(NAMES.split(","))

WORDS = ("Hel", "lo", " Ada ♥", " you")
"""What each vendor says until it is told otherwise."""

NO_BREAKER = 10**6
"""A threshold that no test reaches: one fault must not decide how the next is met."""


def serve_vendors(folder, variables, **settings):
    """`python server.py` with these vendors' variables, however often it starts."""

    class Vendored(Leadstream):
        def environment(self, **said):
            return super().environment(**said) | ONE_MODEL | variables

    told = {"providers": NAMES, "retry_base_s": 0.01, "connect_timeout_s": 1}
    return serve(folder, kind=Vendored, **told | settings)


class Told:
    """What a reader was told, from the start to the terminal event, and what was stored."""

    def __init__(self, server, started):
        self.body = server.read(started["stream_id"])
        self.events = events(self.body)
        self.last = self.events[-1]
        self.text = text(self.body)
        self.stored = server.execution(started["execution_id"])
        self.metadata = self.last["metadata"]
        self.attempts = self.metadata["attempts"]

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def retries(self):
        codes = ("retrying", "waiting")
        return [warning for warning in self.of("warning") if warning["code"] in codes]

    @property
    def outcomes(self):
        return [(attempt["provider"], attempt["outcome"]) for attempt in self.attempts]


def ask(server, provider=None, **options):
    """One conversation from its start to its end; `provider=None` leaves it to the router."""
    named = {"provider": provider} if provider else {}
    return Told(server, server.start("hello", **named, **options))
