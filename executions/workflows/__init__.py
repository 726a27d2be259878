"""The workflows: one file each that names a `Workflow`, found by being there."""

import logging
from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from executions.workflow import Workflow

logger = logging.getLogger("leadstream.workflow")


class Workflows(dict[tuple[str, int], Workflow]):
    """Every workflow by its name and version: a file may keep the versions that still run."""

    def newest(self, name: str) -> Workflow | None:
        """The one that is started; None for an unknown name."""
        versions = [version for known, version in self if known == name]
        return self[name, max(versions)] if versions else None


def load_workflows(agents: Collection[str]) -> Workflows:
    """One that names an agent which is not there is left out."""
    found = Workflows()
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Workflow):
                if unknown := value.unknown(agents):
                    logger.error("no workflow %s: no agent %s", value.name, ", ".join(unknown))
                else:
                    found[value.name, value.version] = value
    return found
