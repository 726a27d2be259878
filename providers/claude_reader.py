"""What a stream of Anthropic's Messages API says, pure: bytes to Chunks.

`message_stop` is the end marker. Usage is cumulative and overwrites; its `input_tokens` leaves out
what was read from the cache or written to it, ours has them in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

import errors
from providers.base import Chunk, Finish, FinishReason, Text, Thinking, Usage
from providers.faults import Report, reported
from providers.meter import Meter
from providers.sentences import fault
from providers.wire import Halves, SseDecoder, json_decoder

_FINISHES: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class _Output(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _Output | None = None

    def counts(self) -> Usage:
        details = self.output_tokens_details
        cached, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        return Usage(
            input_tokens=(self.input_tokens or 0) + cached + written,
            output_tokens=self.output_tokens or 0,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=(details.thinking_tokens or 0) if details else 0,
        )


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = json_decoder(_Event)


class ClaudeReader:
    """Reads one answer. See `upstream.Reader`."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._events = SseDecoder(provider)
        self._halves = Halves()
        self._meter = Meter()
        self._began = False
        self._spoke = False
        self._open: int | None = None
        self._stop: str | None = None

    def feed(self, data: bytes) -> Iterator[Chunk]:
        for payload in self._events.feed(data):
            event = _decode(payload)
            if (take := _TAKERS.get(event.type)) is not None:
                yield from take(self, event)
            if self.ended:
                return

    def close(self) -> Iterator[Chunk]:
        kind = errors.Truncated if self._began else errors.EmptyAnswer
        raise fault(kind, self._provider, "no message_stop")
        yield

    def _message_start(self, event: _Event) -> Iterator[Chunk]:
        self._began = True
        if event.message is not None and event.message.usage is not None:
            yield from self._meter.read(event.message.usage.counts())

    def _block_start(self, event: _Event) -> Iterator[Chunk]:
        self._open = event.index
        if event.content_block is not None and event.content_block.text:
            yield from self._said(event.content_block.text)

    def _block_delta(self, event: _Event) -> Iterator[Chunk]:
        if event.index != self._open or event.delta is None:
            raise fault(errors.ProtocolError, self._provider, "a content block that never began")
        if event.delta.text:
            yield from self._said(event.delta.text)
        elif event.delta.thinking:
            yield Thinking(event.delta.thinking)

    def _block_stop(self, event: _Event) -> Iterator[Chunk]:
        self._open = None
        yield from self._flushed()

    def _message_delta(self, event: _Event) -> Iterator[Chunk]:
        if event.delta is not None and event.delta.stop_reason:
            self._stop = event.delta.stop_reason
        if event.usage is not None:
            yield from self._meter.read(event.usage.counts())

    def _message_stop(self, event: _Event) -> Iterator[Chunk]:
        yield from self._flushed()
        reason = _FINISHES.get(self._stop or "")
        if reason is None:
            kind = errors.ProtocolError if self._stop else errors.Truncated
            raise fault(kind, self._provider, "no stop_reason that it has a use for")
        if reason == "stop" and not self._spoke:
            raise fault(errors.EmptyAnswer, self._provider, "it finished at once")
        self.ended = True
        yield Finish(reason)

    def _error(self, event: _Event) -> Iterator[Chunk]:
        raise reported(Report(None, {"error": event.error}), provider=self._provider)
        yield

    def _said(self, content: str) -> Iterator[Chunk]:
        if text := self._halves.join(content):
            self._spoke = True
            yield Text(text)

    def _flushed(self) -> Iterator[Chunk]:
        if rest := self._halves.flush():
            self._spoke = True
            yield Text(rest)


# Every other event, pings among them, says nothing to us.
_TAKERS = {
    "message_start": ClaudeReader._message_start,
    "content_block_start": ClaudeReader._block_start,
    "content_block_delta": ClaudeReader._block_delta,
    "content_block_stop": ClaudeReader._block_stop,
    "message_delta": ClaudeReader._message_delta,
    "message_stop": ClaudeReader._message_stop,
    "error": ClaudeReader._error,
}
