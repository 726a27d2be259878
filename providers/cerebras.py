"""Cerebras: the fastest hosted models, in the format of chat.completions."""

from typing import ClassVar

from providers.openai_chat import OpenAIChat


class Cerebras(OpenAIChat):
    name: ClassVar[str] = "cerebras"
    default_url: ClassVar[str] = "https://api.cerebras.ai/v1"
    default_models: ClassVar[tuple[str, ...]] = ("gpt-oss-120b",)
