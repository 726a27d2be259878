"""What a provider is: one vendor's wire format behind one contract.

A provider takes a Request and gives Chunks. It knows nothing of routing, retries, breakers, prices
or streams. It is an async context manager, and so is every answer: leaving either by any road
closes its socket. Success is said, never assumed: an answer whose vendor did not send its end
marker raises `errors.Truncated`; every exception that leaves an answer is an `errors.Fault`.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Literal, Self

import msgspec

from settings import Settings

FinishReason = Literal["stop", "length", "refusal"]


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation, as every vendor's format has it."""

    role: Literal["user", "assistant"]
    content: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked. `max_tokens` is always set: cancelling does not stop every meter."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    system: str = ""
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    """A JSON Schema that the answer is bound to, by the vendor's own means where it has one."""
    prefix: str = ""
    """The answer's own first words, to go on from; only where `Provider.continues`."""


class Text(msgspec.Struct, frozen=True, gc=False):
    """Words for the reader: one for each piece the vendor sends; never empty."""

    content: str


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Reasoning: shows that the model is alive and is counted; neither stored nor shown."""

    content: str


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens as the vendor counts them so far: totals, the last one wins.

    `input_tokens` includes what was read from or written to the vendor's cache, `output_tokens`
    includes reasoning, whatever the vendor's own fields include.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class Finish(msgspec.Struct, frozen=True, gc=False):
    """The vendor's own end marker was seen. The last chunk of every whole answer, exactly once."""

    reason: FinishReason


Chunk = Text | Thinking | Usage | Finish
Chunks = AsyncGenerator[Chunk, None]


class Provider(ABC):
    """One vendor. Subclasses live one to a file, named after the vendor, and are found by it.

    The constructor does no I/O and imports no SDK; entering the context begins to, in a thread, and
    does not wait for it: an SDK takes a second to import. `setting` names the variable that makes
    it a candidate, for messages; `missing(settings)` says what is not set, or None when the
    provider can be used.
    """

    name: ClassVar[str]
    continues: ClassVar[bool] = False
    """Whether the same model takes `Request.prefix` as the beginning of its answer."""

    state: str = "ready"
    """Whether it can answer now, for people: "ready", or what it waits for or fails with."""
    constant_prompts: tuple[str, ...] = ()
    """How the prompts to come begin; set before entering. A local model reads them ahead."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    @abstractmethod
    def missing(cls, settings: Settings) -> str | None:
        """The variable that is not set, as a user would set it; None when nothing is missing."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Make ready to answer, without waiting for what takes long."""
        return

    async def close(self) -> None:
        """Give back what was opened, if it was."""
        return

    async def loaded(self) -> None:
        """Return once the SDK is there that entering began to import."""
        return

    def address(self) -> str | None:
        """Where it is asked, as a URL; None for one on this machine that has no address."""
        return None

    @abstractmethod
    def models(self) -> tuple[str, ...]:
        """The models that may be asked, the default one first."""

    @abstractmethod
    def answer(self, request: Request) -> AbstractAsyncContextManager[Chunks]:
        """Ask once: at most one request goes out, on entering. Raises `errors.Fault`."""
