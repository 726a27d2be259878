"""The command line: `python server.py` serves, and says what is ready and how to try it."""

import argparse
import logging
import sys

from api.house import House
from errors import Problem
from server import Server, create_app
from settings import SettingsError, load_settings

TRY = "What should I say to a customer who asks for a discount?"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit status."""
    parser = argparse.ArgumentParser(
        prog="server.py", description="Leadstream: sales agents that stream what they write."
    )
    parser.add_argument("command", nargs="?", default="serve", choices=["serve"])
    parser.parse_args(arguments)
    return serve()


def serve() -> int:
    """Serve until a signal. 0 after a drain, 1 when it could not start, 2 for bad settings."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print("Leadstream cannot start:", *error.faults, sep="\n  ", file=sys.stderr)
        return 2
    _log_to_stderr()
    app = create_app(settings)
    try:
        Server(app, settings, on_started=announce).run()
    except SystemExit as error:
        refusal: Problem | None = getattr(app.state, "refusal", None)
        if refusal is not None:
            print(f"Leadstream cannot start: {refusal}", file=sys.stderr)
        return error.code if isinstance(error.code, int) else 1
    return 0


def announce(house: House, port: int) -> None:
    """Say what is ready, what is missing, and one line to paste."""
    host = house.settings.host
    shown = f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
    address = f"http://{shown}:{port}"
    lines = [f"Leadstream listens on {address}", ""]
    for name, provider in house.providers.items():
        missing = provider.missing(house.settings)
        if missing is None:
            lines.append(f"  {name:<9} {', '.join(provider.models())}")
        elif name != "scripted":
            lines.append(f"  {name:<9} not used: set {missing}")
    lines += [
        "",
        "Try it:",
        f"  curl -N -H 'Accept: text/plain' {address}/api/agents/conversation/stream"
        f' -d \'{{"message": "{TRY}"}}\'',
        "",
    ]
    print("\n".join(lines), flush=True)


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("leadstream").setLevel(logging.INFO)
    # What uvicorn reports as errors, our own handlers have told in full already.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
