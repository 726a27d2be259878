"""DeepSeek, in the format of chat.completions with three things of its own.

It thinks unless told not to. It binds an answer to JSON, but not to a schema, so the schema goes
into the system turn. And it goes on from an answer's first words, at an address of its own.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from providers.base import Request
from providers.letterhead import Letterhead
from providers.openai_chat import OpenAIChat

_BETA_URL = "https://api.deepseek.com/beta"


class DeepSeek(OpenAIChat):
    name: ClassVar[str] = "deepseek"
    continues: ClassVar[bool] = True
    default_url: ClassVar[str] = "https://api.deepseek.com/v1"
    default_models: ClassVar[tuple[str, ...]] = ("deepseek-v4-flash",)

    def extra(self, request: Request) -> Mapping[str, Any]:
        return {"thinking": {"type": "disabled"}}

    def bound(self, schema: dict[str, Any]) -> Mapping[str, Any]:
        return {"type": "json_object"}

    async def letterhead_for(self, request: Request) -> Letterhead:
        letterhead = await super().letterhead_for(request)
        if request.prefix and self.base_url() == self.default_url:
            return letterhead.at(f"{_BETA_URL}/chat/completions")
        return letterhead

    def turns(self, request: Request) -> list[dict[str, Any]]:
        turns = super().turns(request)
        if request.schema is not None:
            form = f"Answer with one JSON object of this JSON Schema: {json.dumps(request.schema)}"
            turns = [{"role": "system", "content": form}, *turns]
        if request.prefix:
            turns[-1]["prefix"] = True
        return turns
