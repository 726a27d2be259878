"""The data files beside this one: what a seller, a lawyer or a translator may change without code.

Each is read once, when it is first asked for. Patterns are regular expressions written with single
spaces, which match any white space; they ignore case.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def data(name: str) -> Any:
    """The content of `name`.json: not to be changed by whoever asks."""
    return json.loads((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))


@cache
def pattern(name: str, *path: str) -> re.Pattern[str]:
    """All the patterns at `path` in `name`.json, in whatever languages, as one."""
    found = data(name)
    for step in path:
        found = found[step]
    parts = "|".join(f"(?:{part})" for part in _strings(found))
    return re.compile(parts.replace(" ", r"\s+"), re.IGNORECASE | re.MULTILINE)


def _strings(found: Any) -> Iterable[str]:
    if isinstance(found, str):
        return [found]
    parts = found.values() if isinstance(found, dict) else found
    return [text for part in parts for text in _strings(part)]
