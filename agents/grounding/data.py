"""The data files beside this one: what a seller, a lawyer or a translator may change without code.

Each is read once, when it is first asked for. Patterns are regular expressions that ignore case; a
single space in one is any white space, and ` ?` is any or none.
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
    return _compiled("|".join(f"(?:{part})" for part in _at(name, path)))


@cache
def patterns(name: str, *path: str) -> tuple[re.Pattern[str], ...]:
    """The same one by one: many that seldom match are faster that way."""
    return tuple(map(_compiled, _at(name, path)))


def _compiled(written: str) -> re.Pattern[str]:
    spaced = written.replace(" ?", r"\s*").replace(" ", r"\s+")
    return re.compile(spaced, re.IGNORECASE | re.MULTILINE)


def _at(name: str, path: Iterable[str]) -> Iterable[str]:
    found = data(name)
    for step in path:
        found = found[step]
    return _strings(found)


def _strings(found: Any) -> Iterable[str]:
    if isinstance(found, str):
        return [found]
    parts = found.values() if isinstance(found, dict) else found
    return [text for part in parts for text in _strings(part)]
