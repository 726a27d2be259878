"""What the router tells the reader beside the words: warnings, resets, and that nobody can."""

from typing import Any

from errors import NoCandidate
from resilience.retry_handler import Retrying
from routing.choice import Decision

Event = dict[str, Any]

KEYS = "CEREBRAS_API_KEY, ANTHROPIC_API_KEY, DEEPSEEK_API_KEY or OLLAMA_BASE_URL"


def warning(code: str, detail: str) -> Event:
    return {"type": "warning", "code": code, "detail": detail}


def reset(reason: str, provider: str | None) -> Event:
    """Forget what was shown since `start`."""
    return {"type": "reset", "reason": reason, "provider": provider}


def of_decision(decision: Decision) -> list[Event]:
    """What the reader should know about the one picked before its first word."""
    picked = decision.picked
    if picked is None:
        return []
    name = f"{picked.provider}/{picked.model}"
    warnings = []
    if decision.outside:
        warnings.append(warning("outside_bounds", f"{name} is outside: {decision.outside}."))
    if picked.cost_usd is None and decision.ask.max_cost_usd is not None:
        warnings.append(warning("price_unknown", f"No price is known for {name}."))
    if picked.known.toy:
        warnings.append(
            warning(
                "toy_model",
                f"{picked.model} shows that everything works and is no adviser. For answers to "
                f"rely on, set {KEYS}.",
            )
        )
    return warnings


def retrying(name: str, retry: Retrying) -> Event:
    """`waiting` where the vendor named the time, `retrying` where we chose it."""
    return warning(
        "retrying" if retry.fault.retry_after_s is None else "waiting",
        f"{name} failed ({retry.fault.code}); try {retry.attempt} in {retry.delay_s:.1f} s.",
    )


def nobody(decision: Decision) -> NoCandidate:
    """Nobody may be asked: says of each why, and what to do."""
    said = "; ".join(f"{c.provider}/{c.model}: {c.why}" for c in decision.considered)
    return NoCandidate(
        f"No model can answer this. {said or 'No provider is configured'}. "
        f"Set {KEYS}, or LEADSTREAM_LOCAL_MODEL=bundled."
    )
