"""The agents: one file each on `base.BaseAgent`, found by being there."""

from importlib import import_module
from pkgutil import iter_modules

from agents.base import BaseAgent


def load_agents() -> dict[str, type[BaseAgent]]:
    """Every agent by its `agent_type`: a file in this folder that defines one is enough."""
    for module in iter_modules(__path__):
        if not module.ispkg:
            import_module(f"{__name__}.{module.name}")
    agents = BaseAgent.__subclasses__()
    return {agent.agent_type: agent for agent in sorted(agents, key=lambda a: a.agent_type)}
