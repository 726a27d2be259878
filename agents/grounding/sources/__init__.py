"""The sources: one file each behind `base.Source`, found by being there."""

from importlib import import_module
from pkgutil import iter_modules

from agents.grounding.sources.base import Source


def load_sources() -> list[type[Source]]:
    """Every source, who is asked first coming first: a file in this folder is enough."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return sorted(Source.__subclasses__(), key=lambda source: (source.rank, source.name))
