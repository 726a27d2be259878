"""The chat.completions format, streamed: data-only events and `[DONE]`.

Cerebras sends usage in a chunk of its own without choices, and its errors have no `error` around
them; DeepSeek puts usage on the chunk with the finish reason and says `: keep-alive` while one
waits. Both report usage only to who asked with `stream_options.include_usage`.
"""

from typing import Any, ClassVar

from tests.upstream.script import Chunk, Counts
from tests.upstream.voice import CREATED, Voice, compact


class OpenAIChat(Voice):
    paths = frozenset(
        {"/v1/chat/completions", "/chat/completions", "/beta/chat/completions"},
    )
    thought_field: ClassVar[str]
    finishes: ClassVar[dict[str, str]] = {
        "stop": "stop",
        "length": "length",
        "refusal": "content_filter",
    }

    def opening(
        self, *, pings: int = 0, thoughts: tuple[str, ...] = (), usage: bool = True
    ) -> list[Chunk]:
        return [
            *(self.ping() for _ in range(pings)),
            self._choice({"role": "assistant", "content": ""}),
            *(self._choice({"content": None, self.thought_field: text}) for text in thoughts),
        ]

    def piece(self, text: str) -> Chunk:
        return Chunk(self._choice({"content": text}).data, piece=True)

    def closing(self, reason: str = "stop", *, usage: bool = True) -> list[Chunk]:
        counts = self.answer.counts if usage and self._asked_for_usage() else None
        return [*self._finish(self.finishes[reason], counts), Chunk(b"data: [DONE]\n\n")]

    def unknown(self) -> list[Chunk]:
        return [
            Chunk(b'event: future\ndata: {"object":"chat.completion.future","choices":[]}\n\n'),
            self._choice({"future": "not for the reader"}),
        ]

    def ping(self) -> Chunk:
        return Chunk(b": keep-alive\n\n")

    def running_usage(self, counts: Counts) -> Chunk:
        return self._data([], counts)

    def misplaced(self, text: str) -> Chunk:
        return self._choice({"content": text}, index=7)

    def tool_call(self) -> list[Chunk]:
        begun = {"name": "send_mail", "arguments": ""}
        call = {"index": 0, "id": "call_fake", "type": "function", "function": begun}
        half = {"index": 0, "function": {"arguments": '{"to": "ada@exa'}}
        return [self._choice({"tool_calls": [call]}), self._choice({"tool_calls": [half]})]

    def _finish(self, reason: str, counts: Counts | None) -> list[Chunk]:
        raise NotImplementedError

    def _usage(self, counts: Counts) -> dict[str, Any]:
        return {
            "prompt_tokens": counts.input_tokens,
            "completion_tokens": counts.output_tokens,
            "total_tokens": sum(counts),
            "prompt_tokens_details": {"cached_tokens": self.answer.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.answer.reasoning_tokens},
        }

    def _asked_for_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def _choice(
        self,
        delta: dict[str, Any],
        finish: str | None = None,
        counts: Counts | None = None,
        *,
        index: int = 0,
    ) -> Chunk:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._data([choice], counts)

    def _data(
        self, choices: list[dict[str, Any]], counts: Counts | None = None, **more: Any
    ) -> Chunk:
        fields = {
            "id": f"chatcmpl-{self.number:08d}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "system_fingerprint": "fp_fake",
            "choices": choices,
            "usage": self._usage(counts) if counts else None,
            **more,
        }
        return Chunk(f"data: {compact(fields)}\n\n".encode(), usage=counts)


class Cerebras(OpenAIChat):
    vendor = "cerebras"
    thought_field = "reasoning"

    def _finish(self, reason: str, counts: Counts | None) -> list[Chunk]:
        timing = {"queue_time": 0.0001, "prompt_time": 0.002, "completion_time": 0.05}
        usage = [self._data([], counts, time_info=timing)] if counts else []
        return [self._choice({}, reason), *usage]

    def error(self, kind: str) -> Chunk:
        status, error = self.problem(500, "queue" if kind == "overloaded" else "")
        text = compact({"status_code": status, "error": error | {"id": ""}})
        return Chunk(f"data: {text}\n\n".encode())


class DeepSeek(OpenAIChat):
    vendor = "deepseek"
    thought_field = "reasoning_content"
    finishes: ClassVar[dict[str, str]] = OpenAIChat.finishes | {
        "capacity": "insufficient_system_resource",
    }

    def _finish(self, reason: str, counts: Counts | None) -> list[Chunk]:
        return [self._choice({"content": ""}, reason, counts)]

    def _usage(self, counts: Counts) -> dict[str, Any]:
        hit = self.answer.cached_tokens
        return super()._usage(counts) | {
            "prompt_cache_hit_tokens": hit,
            "prompt_cache_miss_tokens": counts.input_tokens - hit,
        }

    def error(self, kind: str) -> Chunk:
        _, problem = self.problem(503 if kind == "overloaded" else 500)
        return Chunk(f"data: {compact(problem)}\n\n".encode())
