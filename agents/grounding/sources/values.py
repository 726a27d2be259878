"""Values: what a source says, as a field of a lead has it, or nothing.

Sources give empty strings, numbers in words, ranges, names of countries and placeholders. What
cannot be read as the field's own type is no value: none is guessed.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from agents.grounding.addresses import domain_of
from agents.grounding.data import data
from agents.grounding.injection import trusted_value
from agents.grounding.lead import Lead
from agents.grounding.sources.base import FIELDS, folded

_MORE: Mapping[str, Any] = {
    "linkedin_url": r"^https?://([a-z]{2,3}\.)?linkedin\.com/[^\s<>\"]{1,400}$",
    "domain": r"^[^\s@/<>\"]{1,200}\.[^\s@/.<>\"]+$",
    "website": r"^(https?://)?[^\s@/:<>\"]{1,200}\.[^\s<>\"]{1,300}$",
}
"""The fields that a lead does not have, or takes more freely."""

_YEAR = Annotated[int, Field(ge=1000, le=2100)]


def read(said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `said` has a value for."""
    values = {name: _value(name, said.get(name)) for name in FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def same(field: str, one: Any, other: Any) -> bool:
    """Whether two values say the same."""
    if field in ("domain", "website"):
        return domain_of(str(one)) == domain_of(str(other))
    return one == other or folded(str(one)) == folded(str(other))


def _value(field: str, said: Any) -> Any:
    if isinstance(said, str):
        said = " ".join(trusted_value(said).split())
        if field == "country":
            said = _countries().get(folded(said), said.upper())
        elif field == "domain":
            said = domain_of(said)
        elif re.fullmatch(r"\d{1,3}(,\d{3})+", said):
            said = said.replace(",", "")
    if said in (None, "") or isinstance(said, bool):
        return None
    try:
        return _type_of(field).validate_python(said)
    except ValidationError:
        return None


@cache
def _type_of(field: str) -> TypeAdapter[Any]:
    if field == "founded_year":
        return TypeAdapter(_YEAR)
    if field in _MORE:
        return TypeAdapter(Annotated[str, Field(pattern=_MORE[field])])
    kind: Any = Lead.model_fields[field].annotation
    return TypeAdapter(kind)


@cache
def _countries() -> dict[str, str]:
    """ISO codes by the names of countries."""
    return {folded(n): code for code, names in data("countries").items() for n in names.split("|")}
