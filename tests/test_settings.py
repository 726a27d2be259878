"""Settings: what the environment says, checked whole before anything begins."""

import subprocess
import sys

import pytest

from settings import Settings, SettingsError, load_settings
from tests.serving import ROOT, environment


def started_with(tmp_path, **settings):
    return subprocess.run(
        [sys.executable, "server.py"],
        cwd=ROOT,
        env=environment(tmp_path, **settings),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_every_bad_value_has_its_line_and_nothing_is_started(tmp_path):
    ended = started_with(tmp_path, port="many", drain_s=-1, database_url="mysql://db")
    assert ended.returncode == 2
    _, *faults = ended.stderr.splitlines()
    assert [fault.split(":")[0].strip() for fault in faults] == [
        "LEADSTREAM_PORT",
        "LEADSTREAM_DATABASE_URL",
        "LEADSTREAM_DRAIN_S",
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prefix", ["sales", "/sales/"])
def test_a_prefix_begins_with_a_slash_and_does_not_end_with_one(monkeypatch, prefix):
    monkeypatch.setenv("LEADSTREAM_ROOT_PATH", prefix)
    with pytest.raises(SettingsError, match="must begin with / and not end with it"):
        load_settings()


def test_providers_are_a_ranking(monkeypatch):
    monkeypatch.setenv("LEADSTREAM_PROVIDERS", "claude, local,")
    assert load_settings().providers == ("claude", "local")


def test_a_key_is_in_no_text_of_the_settings(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    assert load_settings().anthropic_api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(load_settings()) + str(load_settings())


def test_the_readme_names_every_setting():
    readme = (ROOT / "README.md").read_text()
    names = [field.validation_alias or n.upper() for n, field in Settings.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in readme] == []
