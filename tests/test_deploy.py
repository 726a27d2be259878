"""What deploy/ and the Dockerfile say is what a machine can read, and holds what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.needs import needs
from tests.serving import ROOT

DEPLOY = ROOT / "deploy"


def ran(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_the_dockerfile_pleases_its_linter():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint has no wheel for this machine")
    lint = ran(linter, ROOT / "Dockerfile")
    assert (lint.returncode, lint.stdout) == (0, "")


def test_the_unit_is_one_that_systemd_finds_safe():
    analyze = needs("systemd-analyze")
    told = ran(analyze, "security", "--offline=true", DEPLOY / "leadstream.service").stdout
    exposure = re.search(r"exposure level for leadstream.service: ([0-9.]+)", told)
    assert float(exposure[1]) < 2
    verified = ran(analyze, "verify", DEPLOY / "leadstream.service")
    complaints = (verified.stdout + verified.stderr).splitlines()
    # The code is not in /opt on this machine.
    assert [line for line in complaints if "is not executable" not in line] == []


def test_whoever_stops_the_server_waits_for_its_drain():
    unit = (DEPLOY / "leadstream.service").read_text()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["leadstream"]
    for grace in (re.search(r"TimeoutStopSec=(\d+)", unit)[1], compose["stop_grace_period"][:-1]):
        assert int(grace) >= compose["environment"]["LEADSTREAM_DRAIN_S"] + 5


def test_the_composition_names_what_is_there_and_shows_the_server_through_caddy_alone():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    server, caddy = compose["services"]["leadstream"], compose["services"]["caddy"]
    assert (DEPLOY / server["build"] / "Dockerfile").exists()
    assert "ports" not in server
    mounted = [volume.split(":") for volume in server["volumes"] + caddy["volumes"]]
    for source, *_ in mounted:
        assert (
            (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
        )
    shipped = (DEPLOY / "Caddyfile").read_text()
    assert all(f"{{${name}:" in shipped for name in caddy["environment"])


def test_the_shipped_caddyfile_is_formatted_as_caddy_would():
    assert (
        ran(needs("caddy"), "fmt", DEPLOY / "Caddyfile").stdout
        == (DEPLOY / "Caddyfile").read_text()
    )
