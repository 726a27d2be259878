"""The command line: `python server.py` serves; `backup` and `restore` look after the database;
`leads` puts some into it, also while the server runs."""

import argparse
import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from api import lead_files
from api.house import House
from doctor import examined
from errors import BadRequest, Problem
from logs import log_to
from probe import between
from server import Server, create_app
from settings import Settings, SettingsError, load_settings
from store import keys
from store.backup import back_up, restore
from store.beside import transaction, writer
from store.database import Made

TURN_S = 0.02
"""What a running server gets to write in between two batches of an import."""

TRY = "What should I say to a customer who asks for a discount?"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit status: 0, 1 when it failed, 2 for bad settings."""
    said = _parser().parse_args(arguments)
    try:
        return int(said.run(load_settings(), said))
    except SettingsError as error:
        print("Leadstream cannot start:", *error.faults, sep="\n  ", file=sys.stderr)
        return 2
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1


def _serve(settings: Settings, said: argparse.Namespace) -> int:
    insecure = "insecure" in said or settings.insecure
    return serve(settings.model_copy(update={"insecure": insecure}))


def serve(settings: Settings) -> int:
    """Serve until a signal. 0 after a drain, 1 when it could not start."""
    log_to(sys.stderr, settings.log_format)
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
            state = "" if provider.state == "ready" else f" ({provider.state})"
            lines.append(f"  {name:<9} {', '.join(provider.models())}{state}")
        elif name != "scripted":
            lines.append(f"  {name:<9} not used: set {missing}")
    bearer = " -H 'Authorization: Bearer YOUR_KEY'" if house.keys.configured else ""
    if house.keys.first is not None:
        lines += ["", "Its first key, which is not shown again:", f"  {house.keys.first}"]
    lines += [
        "",
        "Try it:",
        f"  curl -N -H 'Accept: text/plain'{bearer} {address}/api/agents/conversation/stream"
        f' -d \'{{"message": "{TRY}"}}\'',
        "",
    ]
    print("\n".join(lines), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="server.py",
        description="Leadstream: sales agents that stream what they write. Settings come from "
        "the environment; the README lists them.",
    )
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(metavar="COMMAND")
    serving = commands.add_parser("serve", help="serve until a signal (as without a command)")
    for server in (parser, serving):
        server.add_argument(
            "--insecure",
            action="store_true",
            default=argparse.SUPPRESS,
            help="listen on a network though no key is configured",
        )
    backup = commands.add_parser("backup", help="copy the database while the server runs")
    backup.set_defaults(run=_backup)
    backup.add_argument("file", type=Path, help="a new file")
    back = commands.add_parser("restore", help="put a backup in the database's place")
    back.set_defaults(run=_restore)
    back.add_argument("file", type=Path, help="what `backup` wrote")
    leads = commands.add_parser("leads", help="put leads into the database, also while it serves")
    leads.set_defaults(run=_leads)
    kinds = leads.add_subparsers(dest="kind", metavar="WHAT", required=True)
    show = kinds.add_parser("demo", help="eight invented ones, while there are none")
    take = kinds.add_parser("import", help="a CSV file (UTF-8); 1 where a row was skipped")
    take.add_argument("file", type=Path, help="with a header: email, first_name, company_name, …")
    for command in (show, take):
        command.add_argument("--key", help="whose: a key's id or name, where several own leads")
    take.add_argument("--dry-run", action="store_true", help="say what would happen, do nothing")
    _add_key_commands(commands.add_parser("key", help="create, list and revoke keys"))
    demo = commands.add_parser("demo", help="kill a server of its own twice, count what is lost")
    demo.set_defaults(run=_demo)
    _add_doctor(
        commands.add_parser("doctor", help="say what is wrong here, or in front of a server")
    )
    return parser


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_doctor)
    parser.add_argument("--online", action="store_true", help="also ask whether vendors are there")
    parser.add_argument("--url", help="stream timed frames from there: what buffers, or cuts?")
    parser.add_argument("--key", default=os.environ.get("LEADSTREAM_KEY", ""), help="for --url")
    parser.add_argument("--silence", type=float, default=16, metavar="S", help="how long to wait")


def _add_key_commands(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_key)
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = commands.add_parser("create", help="print a new key, alone on the last line")
    create.add_argument("--name", required=True, help="what it is for; shown in lists")
    create.add_argument(
        "--inherit",
        metavar="KEY",
        help="share all that this key (its id or name) owns; '' for what was started without one",
    )
    commands.add_parser("list", help="every key that was ever made, but not the keys themselves")
    revoke = commands.add_parser("revoke", help="let a key in no more, within seconds")
    revoke.add_argument("key", metavar="KEY", help="its id or name")


def _key(settings: Settings, said: argparse.Namespace) -> int:
    path = settings.database_path
    if said.action == "create":
        print("A running server knows this key in a few seconds. It is not shown again.")
        print(keys.create(path, said.name, inherit=said.inherit))
    elif said.action == "revoke":
        print(f"{keys.revoke(path, said.key)['key_id']} is revoked.")
    else:
        for row in keys.listed(path):
            state = f"revoked {row['revoked_at']}" if row["revoked_at"] else "in use"
            print(row["key_id"], f"{row['prefix']}…", row["created_at"], state, row["name"])
    return 0


def _doctor(settings: Settings, said: argparse.Namespace) -> int:
    findings = (
        between(said.url, said.key, silence_s=said.silence)
        if said.url
        else examined(settings, online=said.online)
    )
    bad = False
    for finding in findings:
        bad = bad or finding.kind == "bad"
        cure = f"\n        → {finding.cure}" if finding.cure else ""
        print(f"  {finding.kind:<5} {finding.text}{cure}", flush=True)
    return 1 if bad else 0


def _demo(settings: Settings, said: argparse.Namespace) -> int:
    script = Path(__file__).parent / "examples" / "demo.py"
    if not script.exists():
        raise BadRequest("The demonstration comes with the source; it is not in this place.")
    return subprocess.call([sys.executable, script])


def _leads(settings: Settings, said: argparse.Namespace) -> int:
    with writer(settings.database_path) as connection:
        owner = keys.owner_meant(connection, said.key)

        async def transact(work: Callable[[sqlite3.Connection], Made]) -> Made:
            with transaction(connection):
                return work(connection)

        if said.kind == "demo":
            count = asyncio.run(lead_files.demonstrated(transact, owner))
            print(f"{count} invented leads are there.")
            return 0
        return asyncio.run(_import(transact, said.file, owner, dry_run=said.dry_run))


async def _import(transact: lead_files.Transact, path: Path, owner: str, *, dry_run: bool) -> int:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        report = await lead_files.imported(
            transact, file, owner, dry_run=dry_run, progress=_show_progress, pause_s=TURN_S
        )
    for fault in report.errors:
        print(f"row {fault['row']}, {fault['field'] or 'whole'}: {fault['message']}")
    if report.ignored_columns:
        print(f"Columns that mean nothing here: {', '.join(report.ignored_columns)}.")
    would = " (a dry run: nothing was written)" if dry_run else ""
    print(
        f"{report.rows} rows: {report.created} created, {report.updated} updated, "
        f"{report.skipped} skipped; {report.conflicts_total} fields kept what they had{would}."
    )
    return 1 if report.skipped else 0


def _backup(settings: Settings, said: argparse.Namespace) -> int:
    back_up(settings.database_path, said.file, _show_progress)
    print(f"{settings.database_path} is backed up to {said.file}.")
    return 0


def _restore(settings: Settings, said: argparse.Namespace) -> int:
    restore(said.file, settings.database_path)
    print(f"{settings.database_path} is restored; what it was is kept as *.before.")
    return 0


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else "\r"
        print(f"{100 * done // max(total, 1)} %", end=end, file=sys.stderr, flush=True)
