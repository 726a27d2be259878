"""Gates: what stands between a model's words and whoever reads them.

A gate may hold words for as long as they are open to doubt, change them, or leave them out with a
warning. `hold.Hold` is the one for words that nothing backs. OneVoice stands before it in a
dialogue: a model that knows dialogues goes on with them, `Customer: …`. Nobody said that, so nobody
is shown it.
"""

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from functools import cache
from typing import Any, Protocol

from agents.grounding.data import data
from agents.grounding.verifier import Event, warning
from errors import Fault

_ORNAMENT = " \t*_>#-"
_AFTER = re.compile(r"[ \t*_]*[:：][ \t*_]*")


class Gate(Protocol):
    """Words in as they come, `token` and `warning` events out."""

    def take(self, words: str) -> Iterable[Event]: ...

    def end(self) -> Iterable[Event]: ...


class Open:
    """The gate that holds nothing."""

    def take(self, words: str) -> Iterable[Event]:
        return ({"type": "token", "content": words},)

    def end(self) -> Iterable[Event]:
        return ()


class Weighed:
    """Lets prose through and judges it as a whole when it has ended: a warning, the text stays."""

    def __init__(self, inner: Gate, judge: Callable[[str], Iterable[Event]]) -> None:
        self._inner = inner
        self._judge = judge
        self._shown: list[str] = []

    def take(self, words: str) -> Iterable[Event]:
        return self._passed(self._inner.take(words))

    def end(self) -> Iterable[Event]:
        yield from self._passed(self._inner.end())
        yield from self._judge("".join(self._shown))

    def _passed(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if event["type"] == "token":
                self._shown.append(event["content"])
            yield event


def finding(name: str, value: Any) -> Event:
    """A finished piece of a result, as an event."""
    return {"type": "field", "name": name, "value": value}


class OneVoice:
    """Ends a reply where the other side's lines begin; `theirs` are names of theirs beside the
    usual ones. It holds the beginning of a line while that may yet be a speaker's name."""

    def __init__(self, inner: Gate, theirs: Iterable[str] = ()) -> None:
        self._inner = inner
        self._theirs = _folded("theirs").union(name.casefold() for name in theirs)
        self._speakers = _folded("ours") | self._theirs
        self._held = ""
        self._line_begins = True
        self._spoke = False
        self._dropping = False
        """The line that comes is not ours."""
        self._ended = False

    def take(self, words: str) -> Iterable[Event]:
        if self._ended:
            return ()
        if not self._line_begins and not self._dropping and "\n" not in words:
            return self._inner.take(words)
        self._held += words
        return self._lines(ended=False)

    def end(self) -> Iterable[Event]:
        events = [] if self._ended else self._lines(ended=True)
        return [*events, *self._inner.end()]

    def _lines(self, *, ended: bool) -> list[Event]:
        shown: list[str] = []
        while self._held and (not self._line_begins or self._begun(ended)) and not self._ended:
            line, newline, self._held = self._held.partition("\n")
            self._line_begins = bool(newline)
            if not self._dropping:
                self._spoke = self._spoke or bool(line.strip())
                shown += (line, newline)
        text = "".join(shown)
        events = [*self._inner.take(text)] if text else []
        if self._ended:
            events.append(warning("other_speaker", "the reply went on with others' lines"))
        return events

    def _begun(self, ended: bool) -> bool:
        """Whether it is clear by now whose line it is, and then what of it is to be shown."""
        bare = self._held.lstrip(_ORNAMENT)
        said = bare.casefold()
        speaker, after = self._speaker(said)
        is_open = (
            self._may_become_one(said.rstrip(_ORNAMENT)) if speaker is None else not bare[after:]
        )
        if is_open and not ended:
            return False
        self._line_begins = False
        self._dropping = speaker in self._theirs
        if speaker is not None:
            self._ended = self._spoke
            self._held = bare[after:]
        return True

    def _speaker(self, said: str) -> tuple[str | None, int]:
        for name in self._speakers:
            if said.startswith(name) and (colon := _AFTER.match(said, len(name))):
                return name, colon.end()
        return None, 0

    def _may_become_one(self, said: str) -> bool:
        return any(name.startswith(said) for name in self._speakers)


@cache
def _folded(side: str) -> frozenset[str]:
    return frozenset(name.casefold() for name in data("dialogue")["speakers"][side])


async def spoken(
    events: AsyncGenerator[Event, None],
    gate: Callable[[], Gate],
    first: str = "",
    behind: Callable[[str], Iterable[Event]] = lambda text: (),
) -> AsyncGenerator[Event, None]:
    """The router's `events`, their words through a gate; `first` is said before the first word, and
    `behind(text)` before `complete`: what code finds in all that was said.

    A reset begins with a new gate. A Fault is raised after what was held.
    """
    reply = _Reply(gate(), first, behind)
    try:
        async with aclosing(events):
            async for event in events:
                for shown in reply.take(event):
                    if shown["type"] == "token":
                        reply.said += shown["content"]
                    yield shown
                if event["type"] == "reset":
                    reply = _Reply(gate(), first, behind)
    except Fault:
        for shown in reply.gate.end():
            yield shown
        raise


class _Reply:
    """A reply as far as it has come; behind a reset stands a new one."""

    def __init__(self, gate: Gate, first: str, behind: Callable[[str], Iterable[Event]]) -> None:
        self.gate = gate
        self.said = ""
        """What came through the gate."""
        self._first = first
        self._behind = behind

    def take(self, event: Event) -> Iterable[Event]:
        if event["type"] == "token":
            shown = self.gate.take(event["content"])
            return self._begun(shown) if self._first else shown
        if event["type"] == "complete":
            return self._ended(event)
        if event.get("stitched"):
            # The words that it goes on from began with it.
            self._first = ""
        return (event,)

    def _begun(self, shown: Iterable[Event]) -> Iterable[Event]:
        first, self._first = self._first, ""
        return ({"type": "token", "content": first}, *shown)

    def _ended(self, complete: Event) -> Iterator[Event]:
        yield from self.gate.end()
        yield from self._behind(self.said)
        yield complete
