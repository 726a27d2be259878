"""What is known about models before they are called: `models.toml` as values."""

from decimal import Decimal
from importlib.resources import files

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model, or the prior of a provider's models; see `models.toml` for the units."""

    context: int = 8192
    ttft_ms: float = 1000
    speed: float = 50
    fitness: dict[str, int] = {}
    price: tuple[Decimal, Decimal] | None = None
    toy: bool = False

    def fit_for(self, task_type: str) -> int:
        """0 (never chosen unasked) to 3."""
        return self.fitness.get(task_type, self.fitness.get("default", 1))


Catalog = dict[str, dict[str, Model]]
"""`catalog[provider][model]`; the model called "prior" stands for those not listed."""


def load_catalog() -> Catalog:
    """Read `models.toml`. Raises msgspec.ValidationError, which names the line's key."""
    return msgspec.toml.decode((files("routing") / "models.toml").read_bytes(), type=Catalog)


def model_of(catalog: Catalog, provider: str, model: str) -> Model:
    """What is known about a model; an unknown name is never an error of ours."""
    models = catalog.get(provider, {})
    return models.get(model) or models.get("prior") or Model()
