"""The house: what may import what, and how large it may be. Each number has its reason in
docs/decisions.md; to raise one, write there what was cut first."""

import ast
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("api", "executions", "agents", "routing", "providers", "resilience", "streams", "store")
FILES = sorted(
    [
        ROOT / name
        for name in (
            "server.py",
            "cli.py",
            "doctor.py",
            "probe.py",
            "logs.py",
            "settings.py",
            "errors.py",
        )
    ]
    + [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
)
SPINE = ("streams/", "executions/", "routing/", "resilience/", "store/database.py")
SPINE_MORE = ("api/event_stream.py",)

MAX_FILE_LINES = 300
MAX_HOUSE_CODE = 14210
MAX_SPINE_CODE = 3690

BELOW = {
    "server": {*FOLDERS, "cli", "logs", "settings", "errors"},
    "cli": {*FOLDERS, "server", "doctor", "probe", "logs", "settings", "errors"},
    "doctor": {"probe", "providers", "store"},
    "probe": set(),
    "api": {"logs", "executions", "agents", "routing", "providers", "streams", "store"},
    "executions": {"logs", "agents", "routing", "streams", "store"},
    "agents": {"routing", "providers", "store"},
    "routing": {"providers", "resilience"},
    "providers": set(),
    "resilience": set(),
    "streams": {"store"},
    "store": set(),
    "logs": set(),
    "settings": set(),
    "errors": set(),
}
"""What each may import beside itself and `errors`."""

READS_SETTINGS = {"server", "cli", "doctor", "api", "executions", "routing", "providers"}

READS_SETTINGS_TOO = "agents/grounding/sources/"
"""The sources stand outside, as providers do: each knows the variables that it is set up with."""

SQL = re.compile(
    r"\b(INSERT INTO|DELETE FROM|SELECT\s.+\sFROM|UPDATE\s+\w+\s+SET|CREATE TABLE|PRAGMA)\b"
)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def part_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """The first names of everything of ours that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in BELOW)


def code_lines(path):
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    strings = {
        line
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    silent = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER, tokenize.ENCODING,
    }  # fmt: skip
    return len(
        {
            line
            for token in tokens
            if token.type not in silent
            for line in range(token.start[0], token.end[0] + 1)
        }
        - strings
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down_the_ladder_only(path):
    part = part_of(path)
    allowed = BELOW[part] | {part, "errors"}
    if part in READS_SETTINGS or name_of(path).startswith(READS_SETTINGS_TOO):
        allowed.add("settings")
    climbing = {name for name in imports(path) if name.split(".")[0] not in allowed}
    assert not climbing, f"{name_of(path)} imports {climbing}: pass it down as a value instead"


@pytest.mark.parametrize("path", sorted((ROOT / "agents").rglob("*.py")), ids=name_of)
def test_agents_know_no_vendor(path):
    vendors = {n for n in imports(path) if n.startswith("providers.")} - {"providers.base"}
    assert not vendors, f"{name_of(path)} imports {vendors}: ask the router"


@pytest.mark.parametrize("path", sorted((ROOT / "agents" / "grounding").rglob("*.py")), ids=name_of)
def test_what_agents_rely_on_does_not_rely_on_agents(path):
    above = {n for n in imports(path) if re.match(r"agents(?!\.grounding)|routing|providers", n)}
    assert not above, f"{name_of(path)} imports {above}: grounding stands below the agents"


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) != "store"], ids=name_of)
def test_sql_lives_in_the_store(path):
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = [text[:60] for text in strings if SQL.search(text)]
    assert not found, f"{name_of(path)} speaks SQL: {found}. Give it a function in store/"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_fits_one_sitting(path):
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_FILE_LINES, f"{name_of(path)} has {lines} lines: which are its two nouns?"


def test_the_house_has_a_size():
    lines = sum(map(code_lines, FILES))
    assert lines <= MAX_HOUSE_CODE, f"{lines} lines of code: what does not fit is cut"


def test_the_spine_has_a_size():
    spine = [p for p in FILES if name_of(p).startswith(SPINE) or name_of(p) in SPINE_MORE]
    lines = sum(map(code_lines, spine))
    assert lines <= MAX_SPINE_CODE, f"{lines} lines of code in the spine: what can be cut?"
