"""`doctor`: what stands in the way of a good life on this machine. It starts and changes nothing.

It calls nobody, unless it is told to (`online`): then it asks whether vendors can be reached,
without a key and for nothing.
"""

import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from time import time

import httpx2

from errors import Problem
from probe import Finding, clock
from providers import load_providers
from providers.base import Provider
from settings import Settings
from store.inspection import schema_of
from store.lock import server_lock

LIBRARIES = ("starlette", "uvicorn", "pydantic", "openai", "anthropic", "xllamacpp")
WAL_FIXED = (3, 51, 3)
WAL_BUG = (
    "may damage a file that two programs checkpoint at once (mended in 3.51.3); Leadstream and its "
    "commands never do"
)
DISK_MB = 500


def examined(settings: Settings, *, online: bool = False) -> Iterator[Finding]:
    """Everything that is looked at, in an order in which it can be mended."""
    yield from _versions()
    serving = _serving(settings)
    yield from _database(settings, serving)
    yield from _disk(settings)
    yield from _port(settings, serving)
    usable = [kind(settings) for kind in load_providers().values() if not kind.missing(settings)]
    yield from _keys(settings, usable)
    if online:
        for provider in usable:
            yield from _reached(provider, settings.connect_timeout_s)


def _versions() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok", ", ".join([f"Python {python}", *map(_version, LIBRARIES)]))
    sqlite = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info >= WAL_FIXED:
        yield Finding("ok", sqlite)
    else:
        yield Finding("note", f"{sqlite} {WAL_BUG}", "open the file with nothing else beside it")


def _version(name: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return f"{name} {metadata.version(name)}"
    return f"no {name}"


def _serving(settings: Settings) -> bool:
    """Whether a server holds the database now."""
    if not settings.database_path.exists():
        return False
    try:
        with server_lock(settings.database_path):
            return False
    except Problem:
        return True


def _database(settings: Settings, serving: bool) -> Iterator[Finding]:
    path = settings.database_path
    if not path.exists():
        yield Finding("note", f"there is no database {path} yet; the first start makes it")
        return
    try:
        found, known = schema_of(path)
    except Problem as problem:
        yield Finding("bad", str(problem), "restore a backup: python server.py restore FILE")
        return
    state = "a server uses it now" if serving else "no server uses it"
    text = f"database {path}: schema {found} of {known}, {state}"
    yield Finding("bad" if found > known else "ok", text)
    if path.stat().st_mtime > time() + 60:
        yield Finding("bad", "the database was written in the future", "set the clock: NTP")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.database_path.absolute().parent
    if not folder.exists():
        yield Finding("bad", f"there is no folder {folder}")
        return
    free_mb = shutil.disk_usage(folder).free // 2**20
    yield Finding("bad" if free_mb < DISK_MB else "ok", f"{free_mb} MB free in {folder}")


def _port(settings: Settings, serving: bool) -> Iterator[Finding]:
    place = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((settings.host, settings.port))
        except OSError as error:
            kind = "note" if serving else "bad"
            yield Finding(kind, f"{place} is taken: {error.strerror}", "LEADSTREAM_PORT")
        else:
            yield Finding("ok", f"{place} is free")


def _keys(settings: Settings, usable: list[Provider]) -> Iterator[Finding]:
    for provider in usable:
        yield Finding("ok", f"{provider.name}: {', '.join(provider.models())}")
    for kind in load_providers().values():
        if kind.name != "scripted" and (missing := kind.missing(settings)):
            yield Finding("note", f"{kind.name} is not used", f"set {missing}")
    if not usable:
        yield Finding("bad", "no model can answer")


def _reached(provider: Provider, patience_s: float) -> Iterator[Finding]:
    """Any answer will do: a vendor that refuses a call without a key is there."""
    address = provider.address()
    if address is None:
        return
    try:
        answer = httpx2.get(address, timeout=patience_s)
    except httpx2.HTTPError as error:
        yield Finding("bad", f"{provider.name} cannot be reached: {type(error).__name__}", address)
        return
    yield Finding("ok", f"{provider.name} is reached at {address}")
    yield from clock(answer.headers)
