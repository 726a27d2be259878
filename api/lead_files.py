"""Leads in and out as files: CSV import, and the export of all of them.

An import is looked through before anything is written, so that a file in another encoding changes
nothing; then it goes in by the hundred. Reading runs in a thread and each batch is one short
transaction, so that streams go on between them. Every row is created, updated or skipped, and a
skipped one says why.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from io import TextIOWrapper
from itertools import islice
from typing import IO, Any, NamedTuple, Protocol

from agents.grounding import lead_csv
from agents.grounding.lead_csv import Fault, Header, Record
from errors import Conflict, Invalid, Storage
from store import leads as table
from store.database import Database, Made
from store.jsons import load
from store.suppression import REFUSAL

MAX_ROWS = 100_000
MAX_CONFLICTS = 1000
BATCH = 500
PAGE = 200

SAVE_AS = (
    "Save the file as CSV UTF-8: in Excel with Save as → CSV UTF-8 (comma delimited), in "
    "LibreOffice and Google Sheets as CSV with the character set UTF-8."
)

_OTHER_FORMATS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")
"""How workbooks and UTF-16 begin."""


class Transact(Protocol):
    """`Database.transact`, or the like of it beside a running server."""

    def __call__(self, work: Callable[[sqlite3.Connection], Made], /) -> Awaitable[Made]: ...


Progress = Callable[[int, int], None]
"""`progress(done, total)` in rows."""


class Row(NamedTuple):
    """A row of the file: a lead, or what is wrong with it."""

    row: int
    lead: dict[str, Any]
    faults: Sequence[Fault]


class LeadFile:
    """A file that has been looked through: its header, and how many rows it has. Blocking."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises Invalid for what is no CSV of leads."""
        _refuse_other_formats(file)
        self._text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            self.header, records = self._open()
            self.total = sum(1 for _ in records)
        except UnicodeDecodeError:
            raise Invalid(f"The file is not UTF-8. {SAVE_AS}", code="not_utf8") from None
        if not 0 < self.total <= MAX_ROWS:
            raise Invalid(
                f"1 to {MAX_ROWS} rows below the header were expected; {self.total} came.",
                code="bad_row_count",
            )
        self._rows = self._read()

    def batch(self) -> list[Row]:
        """The next rows; none when there are no more."""
        return list(islice(self._rows, BATCH))

    def _open(self) -> tuple[Header, Iterator[Record]]:
        self._text.seek(0)
        first = self._text.readline()
        if first.startswith("sep="):  # Excel's own way to name the delimiter
            first = self._text.readline()
        header = lead_csv.header_of(first)
        if header is None:
            raise Invalid(
                "The first line names no column of a lead: email, first_name, last_name, "
                f"company_name, … were expected, with commas or semicolons between. {SAVE_AS}",
                code="unknown_header",
            )
        return header, lead_csv.records(self._text, header.delimiter)

    def _read(self) -> Iterator[Row]:
        header, records = self._open()
        ids: dict[str, int] = {}
        for row, cells, fault in records:
            lead, faults = ({}, [fault]) if fault else lead_csv.lead_of(header, cells)
            if (lead_id := lead.get("id")) and (first := ids.setdefault(lead_id, row)) != row:
                faults = [Fault("id", f"This id stands in row {first} already.")]
            yield Row(row, lead, faults)


@dataclass
class Report:
    """What became of every row: `created + updated + skipped` are all of them.

    `updated` counts rows that met a lead which was there, also where nothing was new.
    """

    dry_run: bool
    ignored_columns: Sequence[str]
    created: int = 0
    updated: int = 0
    skipped: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    conflicts_total: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.skipped

    def skip(self, row: int, faults: Iterable[Fault]) -> None:
        self.skipped += 1
        self.errors += ({"row": row, **fault._asdict()} for fault in faults)

    def take(self, row: int, kept: table.Kept) -> None:
        if kept.outcome == "created":
            self.created += 1
        else:
            self.updated += 1
        self.conflicts_total += len(kept.conflicts)
        self.conflicts += (
            {"row": row, "lead_id": kept.lead_id, **_short(conflict)}
            for conflict in kept.conflicts[: MAX_CONFLICTS - len(self.conflicts)]
        )


async def imported(
    transact: Transact,
    file: IO[bytes],
    owner: str,
    *,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
    pause_s: float = 0,
) -> Report:
    """Take in a CSV file of leads. Raises Invalid for what is none, and Storage.

    `pause_s` between batches is what other processes get to write in. What came in before the disk
    refused stays; the same file again does no harm.
    """
    leads = await asyncio.to_thread(LeadFile, file)
    report = Report(dry_run, leads.header.ignored)
    keeping = table.Keeping(owner, dry=dry_run)
    while rows := await asyncio.to_thread(leads.batch):
        try:
            good = [row.lead for row in rows if not row.faults]
            kept = await transact(keeping.batch(good))
        except Storage as problem:
            problem.extra |= {"rows_done": report.rows, "rows": leads.total}
            raise
        came = iter(kept)
        for row in rows:
            if row.faults:
                report.skip(row.row, row.faults)
            elif (one := next(came)).outcome == "refused":
                report.skip(row.row, [Fault("email", REFUSAL)])
            else:
                report.take(row.row, one)
        progress(report.rows, leads.total)
        await asyncio.sleep(pause_s)
    return report


async def demonstrated(transact: Transact, owner: str) -> int:
    """Take in the leads of the demonstration, none of them real; how many. Raises Conflict where
    there are leads already: invented ones never come between real ones."""
    text = (files(__package__) / "demo_leads.json").read_text(encoding="utf-8")
    keep = table.Keeping(owner).batch(json.loads(text))
    kept = await transact(table.the_first(owner, keep))
    if kept is None:
        raise Conflict("There are leads already; the demonstration's come first or not at all.")
    return len(kept)


async def exported(database: Database, owner: str) -> AsyncGenerator[str, None]:
    """All leads of `owner` as CSV, the newest first, a page at a time."""
    yield lead_csv.head()
    before = None
    while rows := await table.listed(database, owner, limit=PAGE, before=before):
        yield await asyncio.to_thread(_lines_of, rows)
        before = rows[-1]["created_at"], rows[-1]["lead_id"]


def _lines_of(rows: Iterable[dict[str, Any]]) -> str:
    return lead_csv.lines_of(load(row["lead"]) | {"id": row["lead_id"]} for row in rows)


def _short(conflict: dict[str, Any]) -> dict[str, Any]:
    """Of long texts the beginning: a report is for reading."""
    return {n: value[:200] if isinstance(value, str) else value for n, value in conflict.items()}


def _refuse_other_formats(file: IO[bytes]) -> None:
    if file.read(4).startswith(_OTHER_FORMATS):
        raise Invalid(f"This is a workbook or UTF-16, not CSV. {SAVE_AS}", code="not_csv")
