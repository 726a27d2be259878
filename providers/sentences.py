"""What a person is told when a provider fails: one sentence for each Fault, in our own words.

It names the provider, what happened and the variable to look at. Nothing of what the vendor
answered is in it but the name of its error, which is letters and underscores.
"""

from collections.abc import Mapping
from typing import NamedTuple

import errors
from errors import Fault


class Names(NamedTuple):
    """How a person knows a provider: its own name, and its variables for messages."""

    title: str
    key: str
    url: str
    model: str


_NAMES: Mapping[str, Names] = {
    "claude": Names("Claude", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_MODEL"),
    "deepseek": Names("DeepSeek", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL", "DEEPSEEK_MODEL"),
    "ollama": Names("Ollama", "OLLAMA_BASE_URL", "OLLAMA_BASE_URL", "OLLAMA_MODEL"),
    "clay": Names("Clay", "CLAY_WEBHOOK_AUTH", *["CLAY_WEBHOOK_URL"] * 2),
    "local": Names("the local model", *["LEADSTREAM_LOCAL_MODEL"] * 3),
}

_SENTENCES: Mapping[type[Fault], str] = {
    errors.Unreachable: "{title} cannot be reached ({why}). Check the network and {url}.",
    errors.TlsFailure: "{title} has no certificate that can be trusted ({why}). Check {url}.",
    errors.Rejected: "{title} refused the request as it was put ({why}).",
    errors.PromptTooLarge: "The prompt is longer than {title} takes ({why}). Shorten it.",
    errors.ModelNotFound: "{title} does not know the model ({why}). Check {model} and {url}.",
    errors.Unauthorized: "{title} does not accept the key ({why}). Check {key}.",
    errors.OutOfCredit: "{title} wants its account paid or its spend limit raised ({why}); {key} "
    "names the account.",
    errors.Throttled: "{title} takes no more requests just now ({why}).",
    errors.UpstreamError: "{title} failed: {why}.",
    errors.ProtocolError: "{title} answered with something that is not its format ({why}). "
    "Check {url}.",
    errors.EmptyAnswer: "{title} ended its answer without a word ({why}).",
    errors.Truncated: "{title} ended its answer without an end marker ({why}).",
    errors.Reset: "The connection to {title} broke ({why}).",
    errors.FirstTokenTimeout: "{title} did not answer in time ({why}).",
}


def names_of(provider: str) -> Names:
    """The names of any provider; one that is not listed here follows the pattern."""
    shout = provider.upper()
    usual = Names(provider.title(), f"{shout}_API_KEY", f"{shout}_BASE_URL", f"{shout}_MODEL")
    return _NAMES.get(provider, usual)


def sentence(kind: type[Fault], provider: str, *, why: str) -> str:
    """The sentence for `kind`, of its nearest base where it has none. `why` is ours, or a name."""
    form = next(
        _SENTENCES[base] for base in (*kind.__mro__, errors.UpstreamError) if base in _SENTENCES
    )
    text = form.format(why=why, **names_of(provider)._asdict())
    return text[0].upper() + text[1:]


def fault(kind: type[Fault], provider: str, why: str) -> Fault:
    """A Fault that we found ourselves, in the same words."""
    return kind(sentence(kind, provider, why=why))
