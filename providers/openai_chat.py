"""The chat.completions format, as its SDK sends it and many vendors speak it.

The SDK does what it is good at: address, key, headers. Bodies and answers are ours: the SDK would
build a tree of objects for each token, and would take a cut stream for a whole one.
Success is `finish_reason` **and** `[DONE]`: all vendors behind this file document both, so a clean
end with only one of them is a cut answer. `Finish` is given out at `[DONE]`, without the wait for
the end of the body that the SDK adds.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar

import httpx2
from pydantic import SecretStr

from providers import upstream
from providers.base import Chunks, Provider, Request
from providers.chat_reader import ChatReader
from providers.letterhead import Built, Letterhead, nowhere
from settings import Settings


class OpenAIChat(Provider):
    """A vendor that speaks this format. What differs is a class attribute or a small method."""

    default_models: ClassVar[tuple[str, ...]]
    default_url: ClassVar[str]
    # What unpacks to more than it weighs is not asked for.
    headers: ClassVar[Mapping[str, str]] = {"accept-encoding": "identity"}

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._built: Built | None = None

    @classmethod
    def missing(cls, settings: Settings) -> str | None:
        key: SecretStr = getattr(settings, f"{cls.name}_api_key")
        return None if key.get_secret_value().strip() else f"{cls.name.upper()}_API_KEY"

    def models(self) -> tuple[str, ...]:
        return listed(getattr(self.settings, f"{self.name}_model")) or self.default_models

    async def open(self) -> None:
        key: SecretStr = getattr(self.settings, f"{self.name}_api_key")
        self._connect(self.base_url(), key.get_secret_value().strip())

    async def close(self) -> None:
        if self._built:
            await self._built.close()

    async def loaded(self) -> None:
        if self._built:
            await self._built.letterhead()

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Chunks]:
        letterhead = await self.letterhead_for(request)
        async with upstream.chunks_of(
            self.name,
            partial(letterhead.send, self._body(request)),
            "text/event-stream",
            ChatReader(self.name),
        ) as chunks:
            yield chunks

    def address(self) -> str | None:
        return self.base_url()

    # What a vendor may differ in.

    def base_url(self) -> str:
        return getattr(self.settings, f"{self.name}_base_url") or self.default_url

    def extra(self, request: Request) -> Mapping[str, Any]:
        """Fields of the request that the format does not have."""
        return {}

    def bound(self, schema: dict[str, Any]) -> Mapping[str, Any]:
        """How the answer is bound to a JSON Schema."""
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    async def letterhead_for(self, request: Request) -> Letterhead:
        assert self._built, "the provider's context was not entered"
        return await self._built.letterhead()

    def turns(self, request: Request) -> list[dict[str, Any]]:
        """The conversation; where an answer is to go on, its first words are the last turn."""
        system = [{"role": "system", "content": request.system}] if request.system else []
        said = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        begun = [{"role": "assistant", "content": request.prefix}] if request.prefix else []
        return [*system, *said, *begun]

    # How it is asked.

    def _connect(self, base_url: str, key: str) -> None:
        self._built = Built(partial(_build, self, base_url, key))

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": self.turns(request),
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self.extra(request),
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.schema is not None:
            body["response_format"] = self.bound(request.schema)
        return body


def listed(setting: str) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(name.strip() for name in setting.split(",") if name.strip())


def _build(provider: OpenAIChat, base_url: str, key: str) -> Letterhead:
    from openai import OpenAI

    sdk = OpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=nowhere())
    # What the SDK found in the environment is OpenAI's, and no other vendor's to see.
    sdk.organization = sdk.project = sdk.admin_api_key = None
    sdk._custom_headers = {}

    def write(address: str) -> httpx2.Request:
        return sdk.post(
            address, options={"headers": provider.headers}, cast_to=httpx2.Response
        ).request

    return Letterhead(write, "/chat/completions", upstream.transport(provider.settings))
