"""The workflows: one file each that names a `Workflow`, found by being there."""

from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from executions.workflow import Workflow


class Workflows(dict[tuple[str, int], Workflow]):
    """Every workflow by its name and version: a file may keep the versions that still run."""

    def newest(self, name: str) -> Workflow | None:
        """The one that is started; None for an unknown name."""
        versions = [version for known, version in self if known == name]
        return self[name, max(versions)] if versions else None


def load_workflows(agents: Collection[str]) -> Workflows:
    """Raises ValueError for one that names an agent which is not there."""
    found = Workflows()
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Workflow):
                value.check(agents)
                found[value.name, value.version] = value
    return found
