"""What each vendor is asked, as it arrives there."""

import pytest

from providers import deepseek as deepseek_file
from providers import load_providers
from providers.base import Message, Request
from providers.deepseek import DeepSeek
from providers.ollama import address
from settings import Settings
from tests.providers.answers import answered, asking

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


@pytest.fixture
def body_of(vendors, provider):
    """The body that asking with these fields sends."""

    async def ask(**fields):
        assert (await answered(provider, asking(provider, **fields))).fault is None
        return vendors.attempts[-1].body

    return ask


async def test_the_turns_and_the_limit_of_tokens_are_always_sent(vendor, provider, body_of):
    body = await body_of(system="You sell.", max_tokens=77)
    assert body["messages"][-1] == {"role": "user", "content": "Who are you?"}
    assert body["model"] == provider.models()[0]
    assert 77 in (body.get("max_tokens"), body.get("options", {}).get("num_predict"))
    assert "You sell." in (body.get("system"), body["messages"][0]["content"])


async def test_a_conversation_is_sent_turn_by_turn(vendors, provider):
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Who?"))
    await answered(provider, Request(model="m", messages=turns, max_tokens=9))
    sent = vendors.attempts[0].body["messages"]
    assert [(turn["role"], turn["content"]) for turn in sent] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Who?"),
    ]


async def test_usage_is_asked_for_where_one_must_ask(vendor, body_of):
    body = await body_of()
    if vendor in ("cerebras", "deepseek"):
        assert body["stream_options"] == {"include_usage": True}


async def test_temperature_goes_where_it_is_still_taken(vendor, body_of):
    body = await body_of(temperature=0.2)
    sent = body.get("temperature", body.get("options", {}).get("temperature"))
    assert sent == (None if vendor == "claude" else 0.2)
    assert "temperature" not in await body_of()


async def test_a_schema_is_bound_by_the_vendors_own_means(vendor, body_of):
    body = await body_of(schema=SCHEMA)
    match vendor:
        case "claude":
            assert body["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA}
        case "cerebras":
            assert body["response_format"]["json_schema"]["schema"] == SCHEMA
        case "deepseek":
            assert body["response_format"] == {"type": "json_object"}
            assert '"score"' in body["messages"][0]["content"]
        case "ollama":
            assert body["format"] == SCHEMA


async def test_deepseek_is_told_not_to_think(vendor, body_of):
    body = await body_of()
    assert body.get("thinking") == ({"type": "disabled"} if vendor == "deepseek" else None)


async def test_the_key_is_the_vendors_own_and_nothing_of_another_is_sent(
    vendors, vendor, monkeypatch
):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "of-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: of-openai")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of-another")
    async with load_providers()[vendor](Settings(**vendors.env())) as provider:
        await answered(provider)
    headers = vendors.attempts[0].headers
    if vendor != "ollama":
        assert f"fake-{vendor}-key" in (
            headers.get("authorization", "") + headers.get("x-api-key", "")
        )
    assert "of-openai" not in str(headers)
    assert "of-another" not in str(headers)
    assert headers["accept-encoding"] == "identity"


async def test_proxies_of_the_environment_are_not_used(vendors, vendor, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with load_providers()[vendor](Settings(**vendors.env())) as provider:
        assert (await answered(provider)).finish == "stop"


async def test_deepseek_goes_on_from_a_prefix_at_its_own_address(vendors, monkeypatch):
    monkeypatch.setattr(deepseek_file, "_BETA_URL", f"{vendors.url}/deepseek/beta")
    monkeypatch.setattr(DeepSeek, "default_url", vendors.base_url("deepseek"))
    async with DeepSeek(Settings(deepseek_api_key="key")) as provider:
        assert (await answered(provider, asking(provider, prefix="I am"))).finish == "stop"
        assert (await answered(provider)).finish == "stop"
    begun, fresh = vendors.attempts
    assert begun.path == "/beta/chat/completions"
    assert begun.body["messages"][-1] == {"role": "assistant", "content": "I am", "prefix": True}
    assert fresh.path == "/v1/chat/completions"
    assert begun.connection == fresh.connection


async def test_deepseek_at_another_address_is_asked_there_only(vendors):
    async with DeepSeek(Settings(**vendors.env())) as provider:
        await answered(provider, asking(provider, prefix="I am"))
    assert vendors.attempts[0].path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("setting", "models"),
    [("", None), ("one", ("one",)), (" one, two ,", ("one", "two"))],
)
def test_a_setting_replaces_the_default_models(vendor, setting, models):
    kind = load_providers()[vendor]
    settings = Settings(**{f"{vendor}_model": setting})
    assert kind(settings).models() == (models or kind.default_models)


def test_a_vendor_without_its_key_names_the_variable(vendor):
    kind = load_providers()[vendor]
    variable = {
        "claude": "ANTHROPIC_API_KEY",
        "cerebras": "CEREBRAS_API_KEY",
        "deepseek": "DEEPSEEK_API_KEY",
        "ollama": "OLLAMA_BASE_URL",
    }[vendor]
    assert kind.missing(Settings(**{variable: ""})) == variable
    assert kind.missing(Settings(**{variable: "x"})) is None


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"ollama_base_url": "http://a:1", "ollama_host": "b"}, "http://a:1"),
        ({"ollama_host": "gpu"}, "http://gpu:11434"),
        ({"ollama_host": "gpu:80"}, "http://gpu:80"),
        ({"ollama_host": "0.0.0.0"}, "http://127.0.0.1:11434"),
        ({"ollama_host": ":9"}, "http://127.0.0.1:9"),
        ({"ollama_host": "https://gpu"}, "https://gpu"),
    ],
)
def test_ollamas_own_variable_is_read_as_ollama_reads_it(settings, url):
    assert address(Settings(**settings)) == url
