"""The golden run: the reference leads through one provider, and what differs from the book.

    python -m bench.golden [--provider NAME] [--agents qualification,growth] [--leads lead_01,…]

It is how a change to a prompt is judged. A server of its own runs with your vendors' variables and
an empty database; nothing of yours is touched, and every answer costs what its provider asks. Each
lead is qualified and compared with the expected score, tier and components; what the other agents
write of it is searched for the phrases that must not appear. The status is 1 where any differs.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.vendors.running import serve_vendors

BOOK = Path(__file__).parent.parent / "tests" / "data" / "leads.json"
VENDORS = ("ANTHROPIC_", "CLAUDE_", "CEREBRAS_", "DEEPSEEK_", "OLLAMA_")
AGENTS = ("qualification", "growth", "marketing", "bdr", "conversation")
INPUTS = {
    "bdr": {"override": True},
    "conversation": {"message": "What would this do for us, and what does it cost?"},
}
"""What an agent is asked beside the lead; qualification gets the day of the book."""


def main(argv: list[str]) -> int:
    asked = _arguments(argv)
    book = json.loads(BOOK.read_text())
    inputs = {**INPUTS, "qualification": {"as_of": book["as_of"]}}
    names = asked.leads.split(",") if asked.leads else [entry["id"] for entry in book["leads"]]
    entries = [entry for entry in book["leads"] if entry["id"] in names]
    variables = {n: v for n, v in os.environ.items() if n.startswith(VENDORS)}
    bad, cost = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        settings = {"providers": "", "local_model": "bundled", "connect_timeout_s": 5}
        with serve_vendors(Path(folder), variables, **settings) as server:
            for entry in entries:
                for agent in asked.agents.split(","):
                    answer = _ask(server, agent, inputs.get(agent, {}), entry, asked.provider)
                    differs = list(_differences(agent, answer, entry["expected"]))
                    bad += bool(differs)
                    cost += (answer.get("metadata") or {}).get("total_cost_usd") or 0
                    print(f"{entry['id']}  {agent:14}{_outcome(answer)}", flush=True)
                    for line in differs:
                        print(f"         ≠ {line}", flush=True)
    count = len(entries) * len(asked.agents.split(","))
    print(f"{count} answers · {count - bad} as expected · {bad} differ · ${cost:.4f}")
    return 1 if bad else 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.golden", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--provider", help="as in claude or claude/claude-sonnet-5-5; else any")
    parser.add_argument("--agents", default=",".join(AGENTS))
    parser.add_argument("--leads", default="")
    return parser.parse_args(argv)


def _ask(server, agent, said, entry, provider):
    """What `/execute` answers, or the Problem in its place."""
    lead = {n: v for n, v in entry["lead"].items() if n != "id"}
    body = {**said, "lead_id": entry["id"], "lead": lead}
    if provider:
        body["provider"] = provider
    return server.http.post(f"/api/agents/{agent}/execute", json=body, timeout=600).json()


def _outcome(answer) -> str:
    if "code" in answer:
        return f"{answer['status']} {answer['code']}"
    result, metadata = answer["result"] or {}, answer["metadata"]
    parts = [result.get("method"), result.get("tier"), result.get("score"), metadata["model"]]
    return " · ".join(str(part) for part in parts if part is not None)


def _differences(agent: str, answer, expected) -> Iterator[str]:
    if "code" in answer:
        # A refusal by policy or gate is an answer; anything else is none.
        if answer["code"] not in ("opted_out", "disqualified", "not_qualified"):
            yield answer["detail"]
        return
    if agent == "qualification":
        yield from _misjudged(answer["result"], expected)
    prose = answer["text"] or ""
    for phrase in expected["must_not_appear_in_outputs"]:
        if phrase in prose:
            at = prose.index(phrase)
            yield f"says {phrase!r}: …{prose[max(0, at - 30) : at + 30]!r}…"


def _misjudged(found, expected) -> Iterator[str]:
    """The figures and components that are other than the book has them."""
    for name in ("tier", "score", "coverage", "gated_by"):
        if found[name] != expected[name]:
            yield f"{name}: {found[name]}, expected {expected[name]}"
    for component in found["components"]:
        wanted = expected["components"][component["name"]]
        if (component["points"], component["state"]) != (wanted["points"], wanted["state"]):
            yield (
                f"{component['name']}: {component['points']} {component['state']},"
                f" expected {wanted['points']} {wanted['state']}"
            )
    if found["next_action"]["code"] != expected["next_action"]:
        yield f"next_action: {found['next_action']['code']}, expected {expected['next_action']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
