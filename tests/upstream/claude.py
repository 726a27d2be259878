"""Anthropic's Messages API, streamed: `event:` and `data:` lines, usage at both ends.

The real one pads its JSON with spaces before the last brace and sends an early ping; both are kept,
since a parser that looks at bytes instead of JSON must meet them here.
"""

from typing import Any, ClassVar

from tests.upstream.script import Chunk, Counts, Reply
from tests.upstream.voice import Voice, compact


class Claude(Voice):
    vendor = "claude"
    paths = frozenset({"/v1/messages"})
    finishes: ClassVar[dict[str, str]] = {
        "stop": "end_turn",
        "length": "max_tokens",
        "refusal": "refusal",
        "context": "model_context_window_exceeded",
    }
    block = 0
    """The index of the content block that holds the text: thinking comes before it."""

    def complaint(self) -> Reply | None:
        if "max_tokens" not in self.body:
            return self.refuse(400)
        return super().complaint()

    def has_key(self) -> bool:
        return bool(self.request.headers.get("x-api-key")) or super().has_key()

    def request_id(self) -> tuple[str, str]:
        return "request-id", f"req_{self.number:024d}"

    def opening(
        self, *, pings: int = 0, thoughts: tuple[str, ...] = (), usage: bool = True
    ) -> list[Chunk]:
        self.block = 1 if thoughts else 0
        text = {"type": "text", "text": ""}
        return [
            self._start(usage),
            *(self._thinking(thoughts) if thoughts else []),
            self._event("content_block_start", index=self.block, content_block=text),
            *(self.ping() for _ in range(1 + pings)),
        ]

    def piece(self, text: str) -> Chunk:
        return self._delta(self.block, {"type": "text_delta", "text": text}, piece=True)

    def closing(self, reason: str = "stop", *, usage: bool = True) -> list[Chunk]:
        delta: dict[str, Any] = {"stop_reason": self.finishes[reason], "stop_sequence": None}
        if reason == "refusal":
            delta["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
        return [
            self._event("content_block_stop", index=self.block),
            self._so_far(delta, self.answer.counts if usage else None),
            self._event("message_stop"),
        ]

    def problem(self, status: int, why: str = "") -> tuple[int, dict[str, Any]]:
        status, problem = super().problem(status, why)
        return status, problem | {"request_id": self.request_id()[1]}

    def error(self, kind: str) -> Chunk:
        _, problem = self.problem(529 if kind == "overloaded" else 500)
        return self._event("error", error={"details": None} | problem["error"])

    def unknown(self) -> list[Chunk]:
        return [
            self._event("future_event", index=self.block, news={"text": "not for the reader"}),
            self._delta(self.block, {"type": "future_delta", "future": "not for the reader"}),
        ]

    def ping(self) -> Chunk:
        return Chunk(b'event: ping\ndata: {"type": "ping"}\n\n')

    def running_usage(self, counts: Counts) -> Chunk:
        return self._so_far({"stop_reason": None, "stop_sequence": None}, counts)

    def misplaced(self, text: str) -> Chunk:
        return self._delta(7, {"type": "text_delta", "text": text})

    def tool_call(self) -> list[Chunk]:
        tool = {"type": "tool_use", "id": "toolu_01Fake", "name": "send_mail", "input": {}}
        half = {"type": "input_json_delta", "partial_json": '{"to": "ada@exa'}
        index = self.block + 1
        return [
            self._event("content_block_stop", index=self.block),
            self._event("content_block_start", index=index, content_block=tool),
            self._delta(index, half),
        ]

    def _start(self, usage: bool) -> Chunk:
        counts = Counts(self.answer.input_tokens, 1) if usage else None
        message: dict[str, Any] = {
            "model": self.model,
            "id": f"msg_{self.number:024d}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            **({"usage": self._usage(counts) | {"service_tier": "standard"}} if counts else {}),
        }
        return self._event("message_start", counts, message=message)

    def _thinking(self, thoughts: tuple[str, ...]) -> list[Chunk]:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        return [
            self._event("content_block_start", index=0, content_block=block),
            *(self._delta(0, {"type": "thinking_delta", "thinking": text}) for text in thoughts),
            self._delta(0, {"type": "signature_delta", "signature": "RmFrZQ=="}),
            self._event("content_block_stop", index=0),
        ]

    def _delta(self, index: int, delta: dict[str, str], *, piece: bool = False) -> Chunk:
        chunk = self._event("content_block_delta", index=index, delta=delta)
        return Chunk(chunk.data, piece=piece)

    def _so_far(self, delta: dict[str, Any], counts: Counts | None) -> Chunk:
        usage = {"usage": self._usage(counts)} if counts else {}
        return self._event("message_delta", counts, delta=delta, **usage)

    def _usage(self, counts: Counts) -> dict[str, Any]:
        """Their `input_tokens` leaves out what came from the cache or went into it."""
        cached, written = self.answer.cached_tokens, self.answer.cache_write_tokens
        return {
            "input_tokens": counts.input_tokens - cached - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached,
            "output_tokens": counts.output_tokens,
        }

    def _event(self, kind: str, counts: Counts | None = None, **fields: Any) -> Chunk:
        text = compact({"type": kind, **fields})
        padding = " " * (len(text) % 5)
        return Chunk(f"event: {kind}\ndata: {text[:-1]}{padding}}}\n\n".encode(), usage=counts)
