"""Ollama's own chat API: one JSON object a line, the last one with `done` and the counts.

It has no keys, no pings and no comments; it streams unless told not to, and a failure in the middle
is a line that has nothing but `error`.
"""

from typing import Any, ClassVar

from tests.upstream.script import Chunk, Counts
from tests.upstream.voice import Voice, compact


class Ollama(Voice):
    vendor = "ollama"
    paths = frozenset({"/api/chat"})
    media_type = "application/x-ndjson"
    finishes: ClassVar[dict[str, str]] = {"stop": "stop", "length": "length"}

    def has_key(self) -> bool:
        return True

    def streams(self) -> bool:
        return self.body.get("stream", True) is True

    def opening(
        self, *, pings: int = 0, thoughts: tuple[str, ...] = (), usage: bool = True
    ) -> list[Chunk]:
        return [self._line({"content": "", "thinking": text}) for text in thoughts]

    def piece(self, text: str) -> Chunk:
        return Chunk(self._line({"content": text}).data, piece=True)

    def closing(self, reason: str = "stop", *, usage: bool = True) -> list[Chunk]:
        counts = self.answer.counts if usage else None
        measured: dict[str, object] = {"total_duration": 4883583458, "load_duration": 1334875}
        if counts:
            measured |= {
                "prompt_eval_count": counts.input_tokens,
                "prompt_eval_duration": 342546000,
                "eval_count": counts.output_tokens,
                "eval_duration": 4535599000,
            }
        return [self._line({"content": ""}, counts, done_reason=self.finishes[reason], **measured)]

    def error(self, kind: str) -> Chunk:
        _, problem = self.problem(503 if kind == "overloaded" else 500)
        return Chunk(f"{compact(problem)}\n".encode())

    def unknown(self) -> list[Chunk]:
        return [Chunk(b'{"future":{"text":"not for the reader"},"done":false}\n')]

    def _line(self, message: dict[str, str], counts: Counts | None = None, **last: Any) -> Chunk:
        fields = {
            "model": self.model,
            "created_at": "2026-09-21T14:13:20.000000Z",
            "message": {"role": "assistant", **message},
            "done": bool(last),
            **last,
        }
        text = compact(fields)
        for mark in "<>&":  # Go's encoder writes these three as escapes
            text = text.replace(mark, f"\\u{ord(mark):04x}")
        return Chunk(f"{text}\n".encode(), usage=counts)
