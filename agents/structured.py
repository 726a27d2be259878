"""Structured answers: an answer bound to a form becomes readable while it grows.

The router's words are JSON that breaks anywhere. Prose goes on to the reader as it grows, through a
gate; every other piece is checked when it is finished and then shown whole. What was finished
before an answer was cut stays good, and a reset forgets everything.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import jiter
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from agents.grounding.form import Known, pieces_of, prose_of
from agents.grounding.gate import Gate, Open
from agents.grounding.partial_json import Piece, Reader, Words
from agents.grounding.verifier import Event, warning
from errors import Fault, NoCandidate

Check = Callable[[str, Any], tuple[Any, Sequence[Event]]]
"""`check(path, value)`: the value as it may be shown (None drops it), and the warnings due."""


async def structured(
    events: AsyncGenerator[Event, None],
    form: type[BaseModel],
    *,
    check: Check = lambda path, value: (value, ()),
    gate: Callable[[str], Gate] = lambda path: Open(),
) -> AsyncGenerator[Event, None]:
    """The router's `events`, their words read as one `form`.

    Yields `token`s with their `field`, a `field` for every finished piece, `warning`s for what was
    dropped or cut, and `complete` with the finished pieces as its `result`, a dict. A Fault is
    raised after the pieces that were finished before it.
    """
    answer = _Answer(form, check, gate)
    try:
        async with aclosing(events):
            async for event in events:
                for shown in answer.take(event):
                    yield shown
                if event["type"] == "reset":
                    answer = _Answer(form, check, gate)
    except Fault:
        for shown in answer.release():
            yield shown
        raise


async def or_by_rules(
    answer: AsyncGenerator[Event, None],
    form: type[BaseModel],
    rules: Callable[[], dict[str, Any]],
    complete: Callable[[Any], Event],
) -> AsyncGenerator[Event, None]:
    """`answer`, or the pieces of `rules` where no model has given one.

    `result.method` says which: `llm` or `rules_only`. A Fault behind the first piece stays a Fault.
    """
    given, end = False, None
    try:
        async with aclosing(answer):
            async for event in answer:
                given = event["type"] in ("token", "field") or (given and event["type"] != "reset")
                if event["type"] != "complete":
                    yield event
                elif event["result"]:
                    yield {**event, "result": {**event["result"], "method": "llm"}}
                    return
                else:
                    end = event
        why = "The model's answer had nothing in it that holds."
    except (Fault, NoCandidate) as problem:
        if given:
            raise
        why = problem.detail
    yield warning("rules_only", f"{why} What follows was made by rules alone.")
    pieces = rules()
    for shown in told(form, pieces):
        yield shown
    yield {**(end or complete(None)), "result": {**pieces, "method": "rules_only"}}


def told(form: type[BaseModel], pieces: dict[str, Any]) -> Iterator[Event]:
    """Pieces that are there at once, as the events of an answer."""
    for name, value in pieces.items():
        if name in prose_of(form) and value:
            yield {"type": "token", "content": value, "field": name}
        elif pieces_of(form)[name].listed:
            for number, element in enumerate(value):
                yield {"type": "field", "name": f"{name}[{number}]", "value": element}
        else:
            yield {"type": "field", "name": name, "value": value}


async def opened(
    opening: Sequence[Event], answer: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """`answer` behind what code knows at once: shown first, and again behind every reset."""
    for event in opening:
        yield event
    async with aclosing(answer):
        async for event in answer:
            yield event
            if event["type"] == "reset":
                for again in opening:
                    yield again


class _Answer:
    """One answer as far as it has come; behind a reset stands a new one."""

    def __init__(self, form: type[BaseModel], check: Check, gate: Callable[[str], Gate]) -> None:
        self.result: dict[str, Any] = {}
        self._known = pieces_of(form)
        self._reader = Reader(prose_of(form))
        self._check = check
        self._gate = gate
        self._gates: dict[str, Gate] = {}
        self._shown: dict[str, str] = {}
        self._crowded: set[str] = set()

    def take(self, event: Event) -> Iterator[Event]:
        """What the reader is shown for an event of the router."""
        if event["type"] == "token":
            for found in self._reader.feed(event["content"]):
                yield from self._say(found) if isinstance(found, Words) else self._finish(found)
            return
        if event["type"] == "complete":
            yield from self.release()
            if not self._reader.whole:
                reason = event["metadata"]["finish_reason"]
                yield warning("cut_off", f"The answer ended too early ({reason}).")
            event["result"] = self.result
        yield event

    def release(self) -> Iterator[Event]:
        """What the gates still hold. Prose that was cut is kept as far as it was shown."""
        for path in list(self._gates):
            yield from self._close(path)
            if path in self._known:
                self.result[path] = self._shown[path]

    def _say(self, said: Words) -> Iterator[Event]:
        if said.path not in self._shown:
            self._gates[said.path] = self._gate(said.path)
            self._shown[said.path] = ""
        if said.path in self._gates:
            yield from self._passed(said.path, self._gates[said.path].take(said.text))

    def _close(self, path: str) -> Iterator[Event]:
        yield from self._passed(path, self._gates.pop(path).end())

    def _passed(self, path: str, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if event["type"] == "token":
                self._shown[path] += event["content"]
                event["field"] = path
            yield event

    def _finish(self, piece: Piece) -> Iterator[Event]:
        """A piece has ended: what of it may be shown goes into the result."""
        for path in [p for p in self._gates if f"{p}.".startswith(f"{piece.name}.")]:
            yield from self._close(path)
        if piece.name in self._shown:
            self.result.setdefault(piece.name, self._shown[piece.name])
            return
        known = self._known.get(piece.name)
        if known is None or not self._has_room(known, piece):
            yield from self._one_too_many(piece)
            return
        try:
            value = known.adapter.validate_python(self._as_shown(piece))
        except ValueError as error:
            yield warning("dropped", f"{piece.path} {_why(error)}.")
            return
        value, warnings = self._check(piece.path, value)
        shown = to_jsonable_python(value)
        if piece.element is not None and shown in self.result.get(piece.name, ()):
            yield from self._one_too_many(piece)
        elif shown is not None:
            yield self._kept(piece, shown)
        yield from warnings

    def _one_too_many(self, piece: Piece) -> Iterator[Event]:
        """Said once a field: a model that loops fills its answer with such pieces."""
        if piece.name not in self._crowded:
            self._crowded.add(piece.name)
            yield warning(
                "dropped", f"{piece.path} has no place in the answer, or was there before."
            )

    def _has_room(self, known: Known, piece: Piece) -> bool:
        """The first value of a field is the one that stands; a list takes what it has room for."""
        if piece.element is None:
            return not known.listed and piece.name not in self.result
        return known.listed and len(self.result.get(piece.name, ())) < known.most

    def _as_shown(self, piece: Piece) -> Any:
        """The piece's value, any prose in it as its gate let it through."""
        value = jiter.from_json(piece.json.encode(), allow_inf_nan=False)
        if isinstance(value, dict):
            inside = [path for path in self._shown if path.startswith(f"{piece.name}.")]
            value |= {path.partition(".")[2]: self._shown[path] for path in inside}
        return value

    def _kept(self, piece: Piece, value: Any) -> Event:
        """Elements are numbered as they stand in the result: a dropped one leaves no hole."""
        name = piece.name
        if piece.element is None:
            self.result[name] = value
        else:
            elements = self.result.setdefault(name, [])
            elements.append(value)
            name = f"{name}[{len(elements) - 1}]"
        return {"type": "field", "name": name, "value": value}


def _why(error: ValueError) -> str:
    """The fault without the value that has it: a model's words are no message of ours."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"does not fit: {place + ' ' if place else ''}{first['type']}"
    return "is no JSON"
