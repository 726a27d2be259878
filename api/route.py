"""Routing, explained: who would answer and why, and what is known of each provider."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api import body
from api.house import House, house_of
from executions.start import StartOptions, checked
from routing.ask import TaskType
from routing.candidates import Candidate
from streams import sse


class Explain(BaseModel):
    """What `POST /api/route/explain` takes beside the bounds of any start."""

    model_config = ConfigDict(extra="ignore")

    task_type: TaskType
    prompt: str = Field(max_length=200_000)
    max_tokens: int = Field(default=1024, ge=1)


async def explain(request: Request) -> Response:
    """`POST /api/route/explain`: the Decision as the `route` event shows it. Calls nobody."""
    said = await body.json_object(request)
    asked = checked(Explain, said)
    bounds = {name: value for name, value in said.items() if name not in Explain.model_fields}
    options = checked(StartOptions, bounds).for_router()
    router = house_of(request).executions.router
    ask = router.ask(asked.task_type, asked.prompt, {**options, "max_tokens": asked.max_tokens})
    return Response(sse.to_json(router.explain(ask).event()), media_type="application/json")


async def listed(request: Request) -> Response:
    """`GET /api/providers`: keys present, never their values; models, breaker, gate, estimates."""
    house = house_of(request)
    items = [_shown(house, name) for name in house.providers]
    return Response(
        sse.to_json({"items": items, "next_cursor": None}), media_type="application/json"
    )


def _shown(house: House, name: str) -> dict[str, Any]:
    provider = house.providers[name]
    missing = provider.missing(house.settings)
    candidates = [c for c in house.executions.router.candidates if c.provider == name]
    gate = candidates[0].gate.peek() if candidates else None
    return {
        "provider": name,
        "configured": missing is None,
        "missing": missing,
        "state": provider.state if missing is None else None,
        "candidate": bool(candidates) and missing is None,
        "gate": gate
        and {"state": gate.state, "retry_after_s": gate.retry_after_s, "why": gate.why},
        "models": [_model(house, candidate) for candidate in candidates],
    }


def _model(house: House, candidate: Candidate) -> dict[str, Any]:
    breaker, estimate = candidate.breaker.peek(), candidate.estimate
    return {
        "model": candidate.model,
        "context": candidate.known.context,
        "toy": candidate.known.toy,
        "fitness": candidate.known.fitness,
        "usd_per_million_tokens": house.executions.router.candidates.prices.per_million(
            candidate.provider, candidate.model
        ),
        "breaker": {
            "state": breaker.state,
            "retry_after_s": breaker.retry_after_s,
            "why": breaker.why,
            "changes": candidate.breaker.changes,
        },
        "estimates": {
            "ttft_ms": round(estimate.ttft_ms),
            "tokens_per_second": round(estimate.tokens_per_second, 1),
        },
    }


routes: list[BaseRoute] = [
    Route("/api/route/explain", explain, methods=["POST"]),
    Route("/api/providers", listed, methods=["GET"]),
]
