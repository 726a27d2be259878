"""The reference file: a CSV of companies that the user has already, by domain or by name.

Its header names the fields as an import of leads does. It costs nothing and is the user's own, so
it is asked first and nothing of it is cached; it is read again when it was changed.
"""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from agents.grounding.lead_csv import header_of, records
from agents.grounding.sources.base import COMPANY, Found, Keys, Question, Source, folded
from agents.grounding.sources.values import read
from errors import Rejected

Rows = dict[str, dict[str, Any]]


class ReferenceFile(Source):
    name: ClassVar[str] = "reference_file"
    setting: ClassVar[str] = "LEADSTREAM_REFERENCE_FILE"
    rank: ClassVar[int] = 1
    confidence: ClassVar[float] = 0.95
    caches: ClassVar[bool] = False

    _rows: tuple[int, Rows] = (-1, {})

    def configured(self) -> bool:
        return self.settings.reference_file is not None

    def estimate(self, keys: Keys) -> list[Question]:
        key = keys.domain or keys.company_name
        return [Question("company", f"company {key}", keys, frozenset(COMPANY))] if key else []

    async def lookup(self, question: Question) -> Found:
        path, keys = self.settings.reference_file, question.keys
        assert path is not None
        try:
            changed = path.stat().st_mtime_ns
            if changed != self._rows[0]:
                self._rows = changed, await asyncio.to_thread(_read, path)
        except (OSError, UnicodeDecodeError) as error:
            why = f"cannot be read ({type(error).__name__}): it must be a CSV file in UTF-8."
            raise Rejected(f"{self.setting} {why}") from None
        rows = self._rows[1]
        return Found(rows.get(keys.domain or "") or rows.get(folded(keys.company_name)) or {})


def _read(path: Path) -> Rows:
    """Companies by domain and by name; the first row of several counts."""
    found: Rows = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = header_of(file.readline())
        if header is None:
            return found
        for record in records(file, header.delimiter):
            cells = zip(header.fields, record.cells, strict=False)
            said = read({name: cell for name, cell in cells if name})
            fields = {name: value for name, value in said.items() if name in COMPANY}
            for key in (fields.get("domain"), folded(fields.get("company_name"))):
                if key:
                    found.setdefault(key, fields)
    return found
