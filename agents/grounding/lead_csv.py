"""Leads as CSV, in both directions: what people's exports look like, and what ours does.

No I/O: lines in, records out. A record that cannot be read costs that one row: a quote that is
never closed would swallow all that follows, so what it took is given back. What a spreadsheet would
run as a formula goes out behind an apostrophe, and loses one on the way in: what had one already
gets a second, so that every lead comes back as it was.
"""

import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from pydantic import ValidationError

from agents.grounding.data import data
from agents.grounding.lead import Lead

Fields = dict[str, Any]

MAX_FAULTS = 3
"""How many faults of one row are told."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_GROUPED = re.compile(r"\d{1,3}(?:[,.' ]\d{3})+")
_TIMES = frozenset({"created_at", "consent_obtained_at"})
_NUMBERS = frozenset({"employee_count", "annual_revenue_usd"})
_BARE = _TIMES | _NUMBERS | {"id", "email", "country", "language", "opted_out"}
"""Cells that lose the blanks around them; text stays as it is."""


class Fault(NamedTuple):
    """What is wrong with a row; `field` is None where it is the row itself."""

    field: str | None
    message: str


class Record(NamedTuple):
    """A row as a spreadsheet counts them, the header being 1; `fault` where it cannot be read."""

    row: int
    cells: Sequence[str]
    fault: Fault | None = None


class Header(NamedTuple):
    """What the columns mean: a field of a lead, or None. `ignored` are the names of those."""

    delimiter: str
    fields: Sequence[str | None]
    ignored: Sequence[str]


def header_of(line: str) -> Header | None:
    """The header in a file's first line; None where it names nothing that is known."""
    try:
        found = [_header(line, delimiter) for delimiter in ",;"]
    except csv.Error:
        return None
    best = max(found, key=lambda header: len(header.fields) - len(header.ignored))
    return best if len(best.ignored) < len(best.fields) else None


def records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The rows below the header that hold anything; every one of them, however broken."""
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    for row in count(2):
        source.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            source.give_back()
            yield Record(row, (), Fault(None, _unreadable(error)))
        else:
            if any(map(str.strip, cells)):
                yield Record(row, cells)


def lead_of(header: Header, cells: Sequence[str]) -> tuple[Fields, list[Fault]]:
    """A row as a lead: what its cells say, an empty one saying nothing; and what is wrong."""
    if len(cells) != len(header.fields):
        expected = f"{len(header.fields)} cells were expected, as in the header"
        return {}, [Fault(None, f"{expected}; {len(cells)} came.")]
    said: Fields = {}
    faults = []
    for field, cell in zip(header.fields, cells, strict=True):
        if field is None or not cell.strip():
            continue
        try:
            _put(said, field, _value(field, cell))
        except ValueError:
            faults.append(_fault(field, cell))
    try:
        lead = Lead.model_validate(said)
    except ValidationError as error:
        faults += [_fault_of(e["loc"], e["input"], e["msg"]) for e in error.errors()]
    return ({}, faults[:MAX_FAULTS]) if faults else (lead.said(), [])


def lines_of(leads: Iterable[Fields]) -> str:
    """Leads as rows, as `head()` names the columns."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(lead, field) for field in _fields()] for lead in leads)
    return out.getvalue()


def head() -> str:
    """The beginning of a file: the mark by which Excel knows UTF-8, and the header."""
    return "\ufeff" + ",".join(_fields()) + "\r\n"


class _Lines:
    """Lines that can be given back, all but the first of those that a record took."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        self._back.extendleft(reversed(self.taken[1:]))


def _fields() -> list[str]:
    return list(data("lead_csv")["columns"])


def _header(line: str, delimiter: str) -> Header:
    names = next(csv.reader([line], delimiter=delimiter), [])
    meanings = {
        _folded(name): field
        for field, others in data("lead_csv")["columns"].items()
        for name in (field, *others)
    }
    fields: list[str | None] = []
    for name in names:
        field = meanings.get(_folded(name))
        fields.append(None if field in fields else field)
    ignored = [name for name, field in zip(names, fields, strict=True) if field is None]
    return Header(delimiter, fields, ignored)


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _unreadable(error: csv.Error) -> str:
    return (
        f"This row is not CSV ({error}). A quote that opens a cell has to close it, "
        "and a quote inside of it has to stand twice."
    )


def _value(field: str, cell: str) -> Any:
    """A cell as the lead's model takes it. Raises ValueError."""
    if "\x00" in cell:
        raise ValueError
    text = cell[1:] if _ESCAPED.match(cell) else cell
    text = text.strip() if field in _BARE else text
    read = _READ.get(field)
    return read(text) if read else text


def _number(text: str) -> str:
    """Without what stands between groups of three digits."""
    return re.sub(r"\D", "", text) if _GROUPED.fullmatch(text) else text


def _time(text: str) -> str:
    # A bare number would be taken for seconds since 1970; in a spreadsheet it is a day.
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        raise ValueError
    return text


def _yes_no(text: str) -> bool:
    said = data("lead_csv")["yes_no"].get(text.casefold())
    if said is None:
        raise ValueError
    return bool(said)


def _messages(text: str) -> Any:
    if "\\u0000" in text:
        raise ValueError
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError from None


_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_TIMES, _time),
    "opted_out": _yes_no,
    "messages": _messages,
    "country": lambda text: text.upper() if len(text) == 2 else text,
}


def _put(said: Fields, field: str, value: Any) -> None:
    """`consent_basis` and its like are parts of one field."""
    whole, _, part = field.partition("consent_")
    if part:
        said.setdefault("consent", {})[part] = value
    else:
        said[whole] = value


def _fault_of(place: Sequence[int | str], came: Any, message: str) -> Fault:
    if place[0] == "consent":
        place = ("_".join(map(str, place)),)
    field = str(place[0])
    if isinstance(came, str) and field != "messages" and len(came) < 100:
        return _fault(field, came, message)
    return Fault(field, f"{message}.")


def _fault(field: str, came: str, message: str = "it does not fit") -> Fault:
    expected = data("lead_csv")["expected"].get(field)
    if expected is None:
        return Fault(field, f"{came[:40]!r}: {message}.")
    return Fault(field, f"Expected {expected}; {came[:40]!r} came.")


def _cell(lead: Fields, field: str) -> str:
    _, _, part = field.partition("consent_")
    value = (lead.get("consent") or {}).get(part) if part else lead.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if _FORMULA.match(value) else value
