"""The providers: one vendor's wire format a file, all behind `base.Provider`, found by being there.

A provider's file imports no SDK when it is loaded, so listing them all costs nothing.
"""

from importlib import import_module
from pkgutil import iter_modules

from providers.base import Provider


def load_providers() -> dict[str, type[Provider]]:
    """Every provider by its `name`: a file in this folder that defines one is enough."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return {provider.name: provider for provider in sorted(_below(Provider), key=lambda p: p.name)}


def _below(base: type) -> list[type[Provider]]:
    """The subclasses that have a name; those between share what several vendors have."""
    kinds: list[type] = base.__subclasses__()
    named = [kind for kind in kinds if "name" in vars(kind)]
    return named + [kind for between in kinds for kind in _below(between)]
