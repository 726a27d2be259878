"""Dates: those that a text names, and the deadline that it means, by rules in five languages.

What is named may lack a day or a year; what is meant is counted from the day on which it was said.
Numbers alone that could be read two ways (2/3/2027) name a year and no more.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import chain
from typing import NamedTuple

from agents.grounding.data import data, pattern
from agents.grounding.language import words_of

_YEAR = re.compile(r"20\d\d")


class Mention(NamedTuple):
    """What a text says of a date; None for what it leaves out."""

    year: int | None
    month: int | None = None
    day: int | None = None

    def agrees(self, other: "Mention") -> bool:
        """Whether `other` says all that this one says."""
        return all(mine in (None, theirs) for mine, theirs in zip(self, other, strict=True))

    def meant(self, said_on: date) -> date | None:
        """The last day that it can mean, in the future of `said_on` where no year is given."""
        if self.month is None:
            return None
        for year in [self.year] if self.year else [said_on.year, said_on.year + 1]:
            found = _last_day(year, self.month, self.day)
            if found is not None and (self.year or found >= said_on):
                return found
        return None


def dates_in(text: str) -> Iterator[Mention]:
    """Every date that a text names."""
    if not _may_name_one(text):
        return
    for found in _named().finditer(text):
        given = {
            name.rstrip("_12345678"): value for name, value in found.groupdict().items() if value
        }
        month = given.get("month")
        if "quarter" in given:
            yield Mention(int(given["year"]), int(given["quarter"]) * 3)
        elif month is None:
            yield _numeric(given)
        else:
            number = int(month) if month.isdigit() else _months()[month.casefold()]
            year, day = given.get("year"), given.get("day")
            yield Mention(year and int(year), number, day and int(day))  # type: ignore[arg-type]


def deadline_in(text: str, said_on: date) -> date | None:
    """By when, as `text` says it on that day; None where it says no time that rules know."""
    named = (mention.meant(said_on) for mention in dates_in(text))
    found = [day for day in chain(named, _counted(text, said_on)) if day is not None]
    ahead = [day for day in found if day >= said_on]
    return min(ahead, default=max(found, default=None))


def _counted(text: str, said_on: date) -> Iterator[date]:
    """Deadlines that are counted from now: in six weeks, next quarter, by the end of the year."""
    table = data("figures")
    numbers = {n: f"(?:{n}|{words})" for n, words in table["small_numbers"].items()}
    for days, unit in table["spans"].items():
        for found in re.finditer(rf"(?<![\d月])(\d{{1,3}})[\s-]?(?:{unit})", text, re.IGNORECASE):
            yield said_on + timedelta(days=int(days) * int(found[1]))
        for number, words in numbers.items():
            if re.search(rf"(?<!\w){words}[\s-]?(?:{unit})(?!\w)", text, re.IGNORECASE):
                yield said_on + timedelta(days=int(days) * int(number))
    for days in table["relative"]:
        if pattern("figures", "relative", days).search(text):
            yield said_on + timedelta(days=int(days))
    if pattern("figures", "year_end").search(text):
        yield date(said_on.year, 12, 31)


def _numeric(given: dict[str, str]) -> Mention:
    """`1.2.2027` is the first of February; with slashes, only where a number is above 12."""
    first, second, year = int(given["first"]), int(given["second"]), int(given["year"])
    if given["mark"] == "." or first > 12 >= second:
        return Mention(year, second, first)
    return Mention(year, first, second) if second > 12 >= first else Mention(year)


def _last_day(year: int, month: int, day: int | None) -> date | None:
    try:
        if day is not None:
            return date(year, month, day)
        return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError:
        return None


@cache
def _months() -> dict[str, int]:
    names: dict[str, int] = {}
    for months in data("figures")["months"].values():
        for number, written in enumerate(months, start=1):
            names |= dict.fromkeys(written.split("|"), number)
    return names


def _may_name_one(text: str) -> bool:
    """Every date has a part of these: most texts have none, and are spared the rest."""
    if "月" in text or ("20" in text and _YEAR.search(text)):
        return True
    return not words_of(text).isdisjoint(_months())


@cache
def _named() -> re.Pattern[str]:
    month = "|".join(sorted(_months(), key=len, reverse=True))
    before = (
        r"(?:by|before|until|till|in|of|from|since|early|late|mid|bis|im|ab|vor|Ende|Anfang|Mitte"
    )
    before += r"|en|de|d'|antes de|hasta|avant|fin|finales de|début) "
    year = r"(?P<year_{}>20\d\d)(?!\d)"
    return re.compile(
        rf"(?<!\d){year.format(1)}-(?P<month_1>\d\d)-(?P<day_1>\d\d)(?!\d)"
        rf"|(?<!\d)(?P<first>\d{{1,2}})(?P<mark>[./])(?P<second>\d{{1,2}})(?P=mark){year.format(2)}"
        rf"|(?:{year.format(3)}年)?(?P<month_2>\d{{1,2}})月(?:(?P<day_2>\d{{1,2}})日)?"
        rf"|(?<!\d)(?P<day_3>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s+(?:de |of )?"
        rf"(?P<month_3>{month})\b\.?(?:,?\s+(?:de |del )?(?P<year_4>20\d\d))?"
        rf"|\b(?P<month_4>{month})\.?\s+(?P<day_4>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+"
        rf"(?P<year_5>20\d\d))?"
        rf"|\b(?P<month_5>{month})\.?\s+(?:de |del )?(?P<year_6>20\d\d)"
        rf"|\b[QT](?P<quarter_1>[1-4])[\s/-]?(?P<year_7>20\d\d)"
        rf"|\b(?P<quarter_2>[1-4])\. Quartal (?P<year_8>20\d\d)"
        rf"|\b(?:{before})(?P<month_6>{month})\b(?!\.?,?\s*(?:de |del )?\d)",
        re.IGNORECASE,
    )
