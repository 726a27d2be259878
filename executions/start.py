"""A start as it is asked for: the input that an agent takes, and the options of one execution."""

import hashlib
from decimal import Decimal
from typing import Annotated, Any, TypeVar, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from errors import Invalid
from routing.ask import OnFailure, Options
from streams import sse

Checked = TypeVar("Checked", bound=BaseModel)


class StartOptions(BaseModel):
    """What a caller may say beside the input; what is left out is the agent's default."""

    model_config = ConfigDict(extra="forbid")

    max_latency_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_cost_usd: Annotated[Decimal, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None
    provider: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    on_failure: OnFailure = "restart"
    strict: bool = False
    detach: bool = False

    def for_router(self) -> Options:
        """The part that the router is told."""
        said = self.model_dump(exclude_unset=True, exclude_none=True, exclude={"detach"})
        return cast(Options, said)


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """One start, not yet checked against the agent it names."""

    agent_type: str
    owner: str
    """Whoever asks, "" while no key is configured; what is started belongs to it."""
    input: dict[str, Any]
    options: StartOptions
    lead_id: str | None = None
    lead: dict[str, Any] | None = None
    input_at: str = ""
    """Where the input stands in the caller's body: the beginning of pointers to its faults."""
    key: str | None = None
    """Idempotency-Key: the same start again is the same execution."""
    client: str = ""
    """Whose limits it counts against: no part of what makes two starts the same."""

    def fingerprint(self) -> str:
        """What makes two starts the same: everything but the key."""
        said = (
            self.agent_type,
            self.input,
            self.options.model_dump(mode="json"),
            self.lead_id,
            self.lead,
        )
        return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def checked(model: type[Checked], data: Any, at: str = "") -> Checked:
    """`data`, a JSON value, as a `model`. Raises Invalid with a pointer for each fault, below `at`.

    As JSON and strictly: "5" is no number and 1 is not true, but a time is still a string.
    """
    try:
        return model.model_validate_json(sse.to_json(data), strict=True)
    except ValidationError as error:
        faults = [
            {"pointer": at + "".join(map(pointer, e["loc"])), "detail": e["msg"]}
            for e in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        first = "; ".join(f"{f['pointer'] or '/'}: {f['detail']}" for f in faults[:3])
        raise Invalid(f"The input does not fit. {first}.", errors=faults[:20]) from None


def pointer(name: int | str) -> str:
    """A name or an index as a step of a JSON pointer (RFC 6901)."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")
