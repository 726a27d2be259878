"""The provider `scripted`: says what it is told, at the pace it is told, and fails when told.

For demonstrations and tests, a real provider and not a mock: LEADSTREAM_SCRIPTED=on makes it a
candidate, and it answers when it is asked for by name or in PROVIDERS. What it is told is the last
user turn: a JSON script, or plain text, which it says back word by word.

    {"say": "One two three", "pace_ms": 50, "fail_after": 2, "fault": "upstream_reset"}
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec

import errors
from providers.base import Chunks, Finish, Provider, Request, Text, Usage
from settings import Settings


class Script(msgspec.Struct, frozen=True):
    """What to say; `pace_ms` is the pause before each word, `fail_after` counts words."""

    say: str
    pace_ms: float = 0
    fail_after: int | None = None
    fault: str = "upstream_reset"


class Scripted(Provider):
    name: ClassVar[str] = "scripted"

    def __init__(
        self, settings: Settings, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        super().__init__(settings)
        self._sleep = sleep

    @classmethod
    def missing(cls, settings: Settings) -> str | None:
        return None if settings.scripted else "LEADSTREAM_SCRIPTED"

    def models(self) -> tuple[str, ...]:
        return ("script",)

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Chunks]:
        chunks = self._speak(_script(request), request)
        try:
            yield chunks
        finally:
            await chunks.aclose()

    async def _speak(self, script: Script, request: Request) -> Chunks:
        words = re.findall(r"\S+\s*|\s+", script.say)
        for number, word in enumerate(words[: request.max_tokens]):
            if number == script.fail_after:
                raise _fault(script.fault)
            # Also without a pace: a stream that never waits would starve the event loop.
            await self._sleep(script.pace_ms / 1000)
            yield Text(word)
        if script.fail_after is not None and script.fail_after >= len(words):
            raise _fault(script.fault)
        yield Usage(
            input_tokens=sum(len(m.content.split()) for m in request.messages),
            output_tokens=min(len(words), request.max_tokens),
        )
        yield Finish("stop" if len(words) <= request.max_tokens else "length")


def _script(request: Request) -> Script:
    told = request.messages[-1].content
    if not told.lstrip().startswith("{"):
        return Script(told)
    try:
        return msgspec.json.decode(told, type=Script)
    except msgspec.MsgspecError as error:
        raise errors.Rejected(f"The script cannot be read: {error}.") from error


def _fault(code: str) -> errors.Fault:
    """The fault with this code, as any vendor could have raised it."""
    kinds: list[type[errors.Fault]] = [errors.Fault, *errors.Fault.__subclasses__()]
    kind = next((k for k in kinds if k.code == code), errors.UpstreamError)
    return kind(f"The script says that this fails: {code}.")
