"""What a stream of chat.completions says, pure: bytes to Chunks, by a small state machine.

Text is given out as it comes; usage, last and highest, as it is reported; `Finish` at `[DONE]`.
Only the fields that are used are decoded. Tool calls are never run: none was offered.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

import errors
from providers.base import Chunk, Finish, FinishReason, Text, Thinking, Usage
from providers.faults import Report, reported
from providers.meter import Meter
from providers.sentences import fault
from providers.wire import Halves, SseDecoder, json_decoder

_FINISHES: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
}


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Input(msgspec.Struct):
    cached_tokens: int | None = None


class _Output(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    prompt_tokens_details: _Input | None = None
    completion_tokens_details: _Output | None = None

    def counts(self) -> Usage:
        cached = self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens
        reasoning = (
            self.completion_tokens_details and self.completion_tokens_details.reasoning_tokens
        )
        return Usage(
            input_tokens=self.prompt_tokens or 0,
            output_tokens=self.completion_tokens or 0,
            cached_input_tokens=cached or self.prompt_cache_hit_tokens or 0,
            reasoning_tokens=reasoning or 0,
        )


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None
    status_code: Any = None


_decode = json_decoder(_Event)


class ChatReader:
    """Reads one answer. See `upstream.Reader`."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._events = SseDecoder(provider)
        self._halves = Halves()
        self._meter = Meter()
        self._finish: str | None = None
        self._began = False
        self._spoke = False

    def feed(self, data: bytes) -> Iterator[Chunk]:
        for payload in self._events.feed(data):
            if payload == b"[DONE]":
                yield from self._done()
                return
            event = _decode(payload)
            if event.error is not None:
                raise self._error(event)
            for choice in event.choices or ():
                yield from self._choice(choice)
            if event.usage is not None:
                yield from self._meter.read(event.usage.counts())

    def close(self) -> Iterator[Chunk]:
        kind = errors.Truncated if self._began else errors.EmptyAnswer
        raise fault(kind, self._provider, "no [DONE]")
        yield

    def _choice(self, choice: _Choice) -> Sequence[Chunk]:
        self._began = True
        if choice.index != 0:
            raise fault(errors.ProtocolError, self._provider, "a choice nobody asked for")
        said: Sequence[Chunk] = ()
        if (delta := choice.delta) is not None:
            if delta.content:
                if self._finish is not None:
                    raise fault(errors.ProtocolError, self._provider, "words after the end")
                self._spoke = True
                if text := self._halves.join(delta.content):
                    said = (Text(text),)
            if thought := delta.reasoning_content or delta.reasoning:
                said = (Thinking(thought), *said)
        if choice.finish_reason and self._finish is None:
            self._finish = choice.finish_reason
        return said

    def _done(self) -> Iterator[Chunk]:
        if rest := self._halves.flush():
            yield Text(rest)
        reason = self._reason()
        if reason == "stop" and not self._spoke:
            raise fault(errors.EmptyAnswer, self._provider, "it finished at once")
        self.ended = True
        yield Finish(reason)

    def _reason(self) -> FinishReason:
        if self._finish is None:
            kind = errors.Truncated if self._began else errors.EmptyAnswer
            raise fault(kind, self._provider, "no finish_reason")
        if self._finish == "insufficient_system_resource":
            raise fault(errors.UpstreamError, self._provider, "it ran out of capacity")
        if self._finish not in _FINISHES:
            raise fault(errors.ProtocolError, self._provider, "a finish_reason it has no use for")
        return _FINISHES[self._finish]

    def _error(self, event: _Event) -> errors.Fault:
        body = {"error": event.error, "status_code": event.status_code}
        return reported(Report(None, body), provider=self._provider)
