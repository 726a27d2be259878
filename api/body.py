"""Reading a body: JSON whatever its content type says, bounded in size, time and strangeness.

`curl -d` sends a form type, so the type is not asked. What JSON parsers disagree about is refused
here, at the edge: duplicate keys, NaN, endless numbers and depths, lone surrogates and NUL.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import ClientDisconnect, Request

from errors import BadRequest, Problem

MAX_BYTES = 256 * 1024
TIMEOUT_S = 10.0
MAX_DIGITS = 100


class BodyTooLarge(Problem):
    status = 413
    code = "body_too_large"
    title = "The body is too large"


class BodyTooSlow(Problem):
    status = 408
    code = "body_too_slow"
    title = "The body did not arrive in time"
    retryable = True


async def json_object(request: Request, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty one. Raises BadRequest `bad_json`."""
    data = await read(request, max_bytes)
    if not data.strip():
        return {}
    value = parse(data)
    if not isinstance(value, dict):
        raise _bad(f"a JSON object was expected, {_kind(value)} came")
    return value


def parse(data: bytes) -> Any:
    """JSON, strictly. Raises BadRequest `bad_json` with the reason."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_bounded_float,
        )
    except UnicodeDecodeError as error:
        raise _bad(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise _bad("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _bad(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    for text in _strings(value):
        if "\x00" in text:
            raise _bad("a string contains NUL")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _bad("a string contains half of a surrogate pair")
    return value


async def read(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge, BodyTooSlow, or BadRequest where it was cut."""
    parts: list[bytes] = []
    await receive(request, parts.append, max_bytes=max_bytes, within_s=TIMEOUT_S)
    return b"".join(parts)


async def receive(
    request: Request, take: Callable[[bytes], Any], *, max_bytes: int, within_s: float
) -> None:
    """Hand the body to `take`, part by part, bounded as `read` is."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    size = 0
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                take(part)
    except TimeoutError:
        raise BodyTooSlow(f"The whole body was expected within {within_s:g} s.") from None
    except ClientDisconnect:
        raise BadRequest("The connection ended before the body did.") from None


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"At most {max_bytes // 1024} KiB were expected; more came.")


def _bad(reason: str) -> BadRequest:
    return BadRequest(f"The body is not the JSON that was expected: {reason}.", code="bad_json")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _bad(f"the key {twice[:64]!r} stands in it twice")
    return found


def _refuse_constant(name: str) -> None:
    raise _bad(f"{name} is no JSON number")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _bad(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _bounded_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _bad("a number is too large")
    return number


def _strings(value: Any) -> Iterator[str]:
    """Every string of a parsed body, keys included; a loop: depth is the sender's choice."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
