"""`/openapi.json`: made of the app's routes, the models that validate, and `described/*.toml`.

A noun's TOML says what its routes take, answer and refuse; its `schemas` are the shapes that no
model validates, because we write them. A test fails for a route that nobody describes.
"""

import asyncio
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agents.base import BaseAgent
from agents.grounding.lead import Lead
from agents.grounding.seller import SellerProfile
from api.house import house_of
from api.route import Explain
from executions.start import StartOptions
from streams import sse

Schema = dict[str, Any]
Agents = Mapping[str, type[BaseAgent]]

_REF = "#/components/schemas/"
_TEXT: Schema = {"schema": {"type": "string"}}
_EVENT: Schema = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": f"{_REF}Event"},
}
_CONTENT: Schema = {
    "text/event-stream": {"itemSchema": {"type": "object", "properties": {"data": _EVENT}}},
    "application/json": {"schema": {"type": "object"}},
}
_OF_BODIES = (400, 408, 413, 422)
_OF_ALL = (401, 403, 421, 429)


async def openapi(request: Request) -> Response:
    """`GET /openapi.json`: this."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        agents = house_of(request).executions.agents
        made = await asyncio.to_thread(document, request.app.routes, agents)
        state.openapi = sse.to_json(made)
    return Response(state.openapi, media_type="application/json")


def document(routes: Sequence[BaseRoute], agents: Agents) -> Schema:
    """The OpenAPI 3.2 document of these routes."""
    paths: Schema = {}
    told = described()
    for route in routes:
        if isinstance(route, Route):
            path = re.sub(r":\w+", "", route.path)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                said = told["calls"].get(f"{method} {path}", {})
                paths.setdefault(path, {})[method.lower()] = _operation(route, path, said)
    return {
        "openapi": "3.2.0",
        "info": {"title": "Leadstream", "version": "1", "description": told["about"]},
        "servers": [{"url": "."}],
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {**told["schemas"], **_of_models(agents)},
        },
    }


def _operation(route: Route, path: str, said: Schema) -> Schema:
    summary = (route.endpoint.__doc__ or "").partition("`: ")[2].partition("\n\n")[0]
    statuses = {*_OF_ALL, *said.get("problems", ()), *(_OF_BODIES if "body" in said else ())}
    answers = {status: _answer(what) for status, what in said.get("answers", {}).items()}
    operation: Schema = {
        "summary": " ".join(summary.split()),
        "tags": [route.endpoint.__module__.rpartition(".")[2]],
        "parameters": [*_in_path(path), *_parameters(said)],
        "responses": answers | {str(status): _problem(status) for status in sorted(statuses)},
    }
    if "body" in said:
        operation["requestBody"] = {"content": _answer(said["body"])["content"]}
    return operation


def _in_path(path: str) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", path):
        schema = _schema("AgentType") if name == "agent_type" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _parameters(said: Schema) -> Iterator[Schema]:
    for place in ("query", "header"):
        for name, schema in said.get(place, {}).items():
            yield {"name": name, "in": place, "schema": schema}


def _answer(what: str) -> Schema:
    """`Name`, `[Name]` for a list's page, a content type, or "" for an empty body."""
    if not what:
        return {"description": "Nothing."}
    if "/" in what:
        content = {kind: _CONTENT.get(kind, _TEXT) for kind in what.split()}
        return {"description": "As it comes.", "content": content}
    return {"description": what, "content": {"application/json": {"schema": _schema(what)}}}


def _problem(status: int) -> Schema:
    content = {"application/problem+json": {"schema": _schema("Problem")}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _schema(name: str) -> Schema:
    if not name.startswith("["):
        return {"$ref": _REF + name}
    return {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": _schema(name[1:-1])},
            "next_cursor": {"type": ["string", "null"]},
        },
    }


def _of_models(agents: Agents) -> Schema:
    """The shapes of what models validate, and of the two ways to start an agent."""
    found: Schema = {}
    options = _of_model(found, StartOptions)["properties"]
    for model in (Lead, SellerProfile, Explain):
        found[model.__name__] = _of_model(found, model)
    profile = found["SellerProfile"]
    versioned = {**profile["properties"], "version": {"type": "integer"}}
    found["StoredSellerProfile"] = {**profile, "properties": versioned}
    beside = {**options, "lead": _schema("Lead")}
    found["Explain"]["properties"] |= options
    for agent in agents.values():
        shape = _of_model(found, agent.Input)
        found[agent.Input.__name__] = shape
        properties = {**shape.get("properties", {}), **beside, "lead_id": {"type": "string"}}
        found[f"{agent.agent_type.title()}Call"] = {**shape, "properties": properties}
        if agent.Output is not None:
            found[agent.Output.__name__] = _of_model(found, agent.Output)
    calls = [_schema(f"{agent.agent_type.title()}Call") for agent in agents.values()]
    inputs = [_schema(agent.Input.__name__) for agent in agents.values()]
    found["AgentType"] = {"enum": list(agents)}
    found["Call"] = {"anyOf": calls}
    found["Start"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["agent_type"],
        "properties": {
            "agent_type": _schema("AgentType"),
            "input": {"anyOf": inputs},
            **beside,
        },
    }
    inputs_by_step = {name: _schema(agent.Input.__name__) for name, agent in agents.items()}
    found["WorkflowStart"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["workflow"],
        "properties": {
            "workflow": {"type": "string"},
            "input": {"type": "object", "properties": inputs_by_step},
            **beside,
        },
    }
    return found


def _of_model(found: Schema, model: type[BaseModel]) -> Schema:
    """A model's schema; what it is made of goes into `found`."""
    schema = model.model_json_schema(ref_template=_REF + "{model}")
    found.update(schema.pop("$defs", {}))
    return schema


def described() -> Schema:
    """All of `described/*.toml` as one."""
    whole: Schema = {"about": "", "schemas": {}, "calls": {}}
    for file in files(__package__).joinpath("described").iterdir():
        said = tomllib.loads(file.read_text())
        whole["about"] += said.pop("about", "")
        whole["schemas"] |= said.pop("schemas", {})
        whole["calls"] |= said
    return whole


routes: list[BaseRoute] = [Route("/openapi.json", openapi, methods=["GET"])]
