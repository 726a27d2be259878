"""Claude, in Anthropic's Messages API.

The SDK writes the head, our reader reads, as in `openai_chat`. Sampling parameters are not sent:
the API no longer takes them. An answer cannot be continued from its first words either.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

import httpx2

from providers import upstream
from providers.base import Chunks, Finish, Message, Provider, Request, Text, Usage
from providers.claude_reader import ClaudeReader
from providers.letterhead import Built, Letterhead, nowhere
from providers.openai_chat import listed
from settings import Settings

DEFAULT_URL = "https://api.anthropic.com"


class Claude(Provider):
    name: ClassVar[str] = "claude"
    default_models: ClassVar[tuple[str, ...]] = ("claude-haiku-5-5", "claude-sonnet-5-5")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._built: Built | None = None

    @classmethod
    def missing(cls, settings: Settings) -> str | None:
        key = settings.anthropic_api_key.get_secret_value().strip()
        return None if key else "ANTHROPIC_API_KEY"

    def address(self) -> str:
        return self.settings.anthropic_base_url or DEFAULT_URL

    def models(self) -> tuple[str, ...]:
        return listed(self.settings.claude_model) or self.default_models

    async def open(self) -> None:
        self._built = Built(partial(_build, self.settings))

    async def close(self) -> None:
        if self._built:
            await self._built.close()

    async def loaded(self) -> None:
        if self._built:
            await self._built.letterhead()

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Chunks]:
        assert self._built, "the provider's context was not entered"
        letterhead = await self._built.letterhead()
        async with upstream.chunks_of(
            self.name,
            partial(letterhead.send, _body(request)),
            "text/event-stream",
            ClaudeReader(self.name),
        ) as chunks:
            yield chunks


async def stream_completion(
    prompt: str,
    *,
    model: str | None = None,
    system: str = "",
    max_tokens: int = 1024,
    settings: Settings | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """Ask Claude once, with the key in ANTHROPIC_API_KEY and nothing around it.

    Yields `{"type": "token", "content"}` for each piece, then one `{"type": "complete",
    "metadata"}`. The cost is a Decimal in US dollars, None for a model without a known price; times
    are in milliseconds. Raises `errors.Fault`.
    """
    settings = settings or Settings()
    model = model or (listed(settings.claude_model) or Claude.default_models)[0]
    request = Request(
        model=model, messages=(Message("user", prompt),), system=system, max_tokens=max_tokens
    )
    began, first, usage, reason = time.monotonic(), None, Usage(), ""
    async with Claude(settings) as claude, claude.answer(request) as chunks:
        async for chunk in chunks:
            match chunk:
                case Text(content):
                    first = first or time.monotonic()
                    yield {"type": "token", "content": content}
                case Usage():
                    usage = chunk
                case Finish(reason):
                    pass
    metadata = {
        "provider": Claude.name,
        "model": model,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_cost_usd": await asyncio.to_thread(_cost, model, usage),
        "ttft_ms": round((first - began) * 1000) if first else None,
        "latency_ms": round((time.monotonic() - began) * 1000),
        "finish_reason": reason,
    }
    yield {"type": "complete", "metadata": metadata}


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        "max_tokens": request.max_tokens,
        "stream": True,
    }
    if request.system:
        body["system"] = request.system
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
    return body


def _build(settings: Settings) -> Letterhead:
    from anthropic import Anthropic

    sdk = Anthropic(
        api_key=settings.anthropic_api_key.get_secret_value().strip(),
        base_url=settings.anthropic_base_url or DEFAULT_URL,
        max_retries=0,
        open_telemetry=False,
        http_client=nowhere(),
    )

    def write(address: str) -> httpx2.Request:
        return sdk.post(
            address, options={"headers": {"accept-encoding": "identity"}}, cast_to=httpx2.Response
        ).request

    return Letterhead(write, "/v1/messages", upstream.transport(settings))


def _cost(model: str, usage: Usage) -> Decimal | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return calc_price(tokens, model_ref=model, provider_id="anthropic").total_price
    except LookupError:
        return None
