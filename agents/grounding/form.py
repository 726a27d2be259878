"""A Form: what a model is asked to fill in, as a pydantic model. Its pieces, its prose, its schema.

Vendors differ in what of JSON Schema they take, so what they are sent has types and nothing else;
bounds stand in the form's own words, and are checked by code when a piece is finished.
"""

from functools import cache
from sys import maxsize
from typing import Annotated, Any, Literal, NamedTuple, TypeGuard, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel, Field, JsonValue, TypeAdapter
from pydantic.fields import FieldInfo

_PROSE: dict[str, JsonValue] = {"prose": True}


def prose(description: str) -> Any:
    """A field that its reader sees grow word by word."""
    return Field(default="", description=description, json_schema_extra=_PROSE)


class Known(NamedTuple):
    """What a field takes; of a list, what one element is and how many there may be."""

    adapter: TypeAdapter[Any]
    listed: bool
    most: int


@cache
def pieces_of(form: type[BaseModel]) -> dict[str, Known]:
    """The fields of a form by name."""
    return {name: _known(field) for name, field in form.model_fields.items()}


def _known(field: FieldInfo) -> Known:
    if get_origin(field.annotation) is not list:
        kind: Any = Annotated[field.annotation, field]
        return Known(TypeAdapter(kind), False, 1)
    bounds = [bound.max_length for bound in field.metadata if isinstance(bound, MaxLen)]
    return Known(TypeAdapter(*get_args(field.annotation)), True, min(bounds, default=maxsize))


@cache
def prose_of(form: type[BaseModel]) -> frozenset[str]:
    """The paths of a form's prose: its own fields, and those of an object in it."""
    paths = set()
    for name, field in form.model_fields.items():
        if field.json_schema_extra == _PROSE:
            paths.add(name)
        elif get_origin(field.annotation) is not list:
            inner = filter(_is_form, (field.annotation, *get_args(field.annotation)))
            paths |= {f"{name}.{p}" for f in inner for p in prose_of(f) if "." not in p}
    return frozenset(paths)


@cache
def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """A JSON Schema that every vendor takes; all fields required, so that they come in order."""
    schema = form.model_json_schema()
    return _types_of(schema, schema.get("$defs", {}))


def _types_of(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return _types_of(defs[node["$ref"].rpartition("/")[2]], defs)
    kept: dict[str, Any] = {key: node[key] for key in ("type", "enum", "const") if key in node}
    if "items" in node:
        kept["items"] = _types_of(node["items"], defs)
    if "anyOf" in node:
        kept["anyOf"] = [_types_of(one, defs) for one in node["anyOf"]]
    if "properties" in node:
        kept["properties"] = {k: _types_of(v, defs) for k, v in node["properties"].items()}
        kept["required"] = list(node["properties"])
        kept["additionalProperties"] = False
    return kept


def in_words(form: type[BaseModel]) -> str:
    """The form for a prompt: what its schema cannot say, and all of it where a vendor binds no
    answer. `<…>` stands for a value, so whoever repeats it has answered nothing."""
    return (
        f"Answer with one JSON object and nothing else, its fields in this order:\n{_shape(form)}"
    )


def _shape(kind: Any, said: str | None = None) -> str:
    if get_origin(kind) is list:
        (element,) = get_args(kind)
        return f"[{_shape(element)}, …]" + (f" ({said})" if said else "")
    if _is_form(kind):
        fields = kind.model_fields.items()
        inner = (f'"{name}": {_shape(f.annotation, f.description)}' for name, f in fields)
        return "{" + ", ".join(inner) + "}" + (f" ({said})" if said else "")
    if get_origin(kind) is Literal:
        options = " | ".join(map(str, get_args(kind)))
        return f"<{options}{': ' + said if said else ''}>"
    return f"<{said or getattr(kind, '__name__', 'value')}>"


def _is_form(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
