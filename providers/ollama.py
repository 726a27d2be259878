"""Ollama, in its own chat API: one JSON object a line, over plain HTTP.

No key; whoever sets its address makes it a candidate. The end marker is `"done": true`. The first
answer may wait while Ollama loads the model, so no read time-out is kept here either.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar

import httpx2
import msgspec

import errors
from providers import upstream
from providers.base import (
    Chunk,
    Chunks,
    Finish,
    FinishReason,
    Provider,
    Request,
    Text,
    Thinking,
    Usage,
)
from providers.faults import Report, reported
from providers.letterhead import Letterhead
from providers.openai_chat import listed
from providers.sentences import fault
from providers.wire import Halves, NdjsonDecoder, json_decoder
from settings import Settings

_PORT = 11434
_FINISHES: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}


class Ollama(Provider):
    name: ClassVar[str] = "ollama"
    default_models: ClassVar[tuple[str, ...]] = ("llama3.2",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._letterhead: Letterhead | None = None

    @classmethod
    def missing(cls, settings: Settings) -> str | None:
        found = settings.ollama_base_url or settings.ollama_host
        return None if found else "OLLAMA_BASE_URL"

    def address(self) -> str:
        return address(self.settings)

    def models(self) -> tuple[str, ...]:
        return listed(self.settings.ollama_model) or self.default_models

    async def open(self) -> None:
        self._letterhead = await asyncio.to_thread(_build, self.settings)

    async def close(self) -> None:
        if self._letterhead:
            await self._letterhead.close()

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Chunks]:
        assert self._letterhead, "the provider's context was not entered"
        async with upstream.chunks_of(
            self.name,
            partial(self._letterhead.send, _body(request)),
            "application/x-ndjson",
            _Reader(self.name),
        ) as chunks:
            yield chunks


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None


class _Line(msgspec.Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_decode = json_decoder(_Line)


class _Reader:
    """Reads one answer. See `upstream.Reader`."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._lines = NdjsonDecoder(provider)
        self._halves = Halves()
        self._began = False
        self._spoke = False

    def feed(self, data: bytes) -> Iterator[Chunk]:
        for payload in self._lines.feed(data):
            line = _decode(payload)
            if line.error is not None:
                raise reported(Report(None, {"error": line.error}), provider=self._provider)
            if line.message is not None:
                yield from self._said(line.message)
            if line.done:
                yield from self._done(line)
                return

    def close(self) -> Iterator[Chunk]:
        kind = errors.Truncated if self._began else errors.EmptyAnswer
        raise fault(kind, self._provider, "no done")
        yield

    def _said(self, message: _Message) -> Iterator[Chunk]:
        self._began = True
        if message.thinking:
            yield Thinking(message.thinking)
        if message.content and (text := self._halves.join(message.content)):
            self._spoke = True
            yield Text(text)

    def _done(self, line: _Line) -> Iterator[Chunk]:
        if rest := self._halves.flush():
            self._spoke = True
            yield Text(rest)
        if line.eval_count is not None:
            yield Usage(input_tokens=line.prompt_eval_count or 0, output_tokens=line.eval_count)
        reason = _FINISHES.get(line.done_reason or "stop")
        if reason is None:
            raise fault(errors.ProtocolError, self._provider, "a done_reason it has no use for")
        if reason == "stop" and not self._spoke:
            raise fault(errors.EmptyAnswer, self._provider, "it finished at once")
        self.ended = True
        yield Finish(reason)


def _body(request: Request) -> dict[str, Any]:
    system = [{"role": "system", "content": request.system}] if request.system else []
    said = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    options: dict[str, Any] = {"num_predict": request.max_tokens}
    if request.temperature is not None:
        options["temperature"] = request.temperature
    form = {"format": request.schema} if request.schema is not None else {}
    return {
        "model": request.model,
        "messages": [*system, *said],
        "stream": True,
        "options": options,
        **form,
    }


def address(settings: Settings) -> str:
    """Where Ollama is; its own OLLAMA_HOST may lack scheme and port, and name any interface."""
    if settings.ollama_base_url:
        return settings.ollama_base_url
    host = settings.ollama_host
    if "://" in host:
        return host
    name, _, port = host.partition(":")
    name = "127.0.0.1" if name in ("", "0.0.0.0") else name
    return f"http://{name}:{port or _PORT}"


def _build(settings: Settings) -> Letterhead:
    headers = {"accept-encoding": "identity", "content-type": "application/json"}
    return Letterhead(
        lambda url: httpx2.Request("POST", url, headers=headers),
        f"{address(settings).rstrip('/')}/api/chat",
        upstream.transport(settings),
    )
