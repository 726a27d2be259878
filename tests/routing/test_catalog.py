"""The catalog: `models.toml` as values."""

import tomllib
from pathlib import Path

import pytest

import routing
from providers import load_providers
from routing.ask import TaskType
from routing.catalog import Model, load_catalog, model_of
from tests.routing.fakes import settings

CATALOG = load_catalog()
NAMED = [(provider, name) for provider, models in CATALOG.items() for name in models]


def test_nothing_in_the_file_is_misspelt():
    """A key that nobody reads would be a fact that nobody knows."""
    raw = tomllib.loads((Path(routing.__file__).parent / "models.toml").read_text())
    known = set(Model.__struct_fields__)
    tasks = {"default", *TaskType}
    for models in raw.values():
        for said in models.values():
            assert said.keys() <= known
            assert said.get("fitness", {}).keys() <= tasks


@pytest.mark.parametrize(("provider", "name"), NAMED)
def test_every_model_says_what_a_choice_needs(provider, name):
    model = CATALOG[provider][name]
    assert model.context >= 4096
    assert model.ttft_ms > 0
    assert model.speed > 0
    assert all(0 <= model.fit_for(task) <= 3 for task in TaskType)


@pytest.mark.parametrize("name", sorted(load_providers()))
def test_every_provider_has_a_prior_and_its_default_models_are_known(name):
    assert "prior" in CATALOG[name]
    provider = load_providers()[name](settings())
    for model in provider.models():
        assert model_of(CATALOG, name, model) != Model()


def test_an_unknown_model_takes_its_providers_prior():
    assert model_of(CATALOG, "claude", "claude-of-next-year") == CATALOG["claude"]["prior"]


def test_an_unknown_provider_is_no_error_either():
    assert model_of(CATALOG, "a-new-vendor", "m") == Model()


def test_the_models_of_the_first_specification_are_listed():
    assert "llama3.1-8b" in CATALOG["cerebras"]
    assert "claude-sonnet-4-20250514" in CATALOG["claude"]


def test_only_the_bundled_model_is_a_toy():
    assert [named for named in NAMED if CATALOG[named[0]][named[1]].toy] == [
        ("local", "smollm2-135m")
    ]
