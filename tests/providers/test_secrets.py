"""A key is in the request and nowhere else."""

import traceback

import pytest

import errors
from providers import load_providers, upstream
from settings import Settings
from tests.providers.answers import answered, asking
from tests.upstream.addresses import nobody
from tests.upstream.faults import ErrorAfter, Status

pytestmark = pytest.mark.anyio

KEY = "sk-live-abcdef0123456789"


def with_key(vendors, vendor, **others):
    prefix = {"claude": "ANTHROPIC"}.get(vendor, vendor.upper())
    env = vendors.env() | {f"{prefix}_API_KEY": KEY} | others
    return load_providers()[vendor](Settings(**env))


def told(fault):
    return "".join([repr(fault), str(fault.extra), *traceback.format_exception(fault)])


async def test_a_key_is_not_in_what_a_provider_looks_like(vendors, vendor):
    async with with_key(vendors, vendor) as provider:
        assert KEY not in repr(provider) + repr(vars(provider)) + repr(provider.settings)


@pytest.mark.parametrize("fault", [Status(401), Status(500), ErrorAfter(2)], ids=repr)
async def test_a_key_is_not_in_a_fault(vendors, vendor, fault):
    vendors.fails(vendor, fault)
    async with with_key(vendors, vendor) as provider:
        got = await answered(provider)
    assert got.fault
    assert KEY not in told(got.fault)


async def test_a_key_is_not_in_the_fault_of_a_connection(vendors, vendor):
    prefix = {"claude": "ANTHROPIC"}.get(vendor, vendor.upper())
    with nobody() as url:
        async with with_key(vendors, vendor, **{f"{prefix}_BASE_URL": url}) as provider:
            got = await answered(provider)
    assert type(got.fault) is errors.Unreachable
    assert KEY not in told(got.fault)


@pytest.mark.parametrize("prefix", ["ANTHROPIC", "CEREBRAS", "DEEPSEEK"])
async def test_a_key_with_a_line_break_is_a_fault_that_does_not_show_it(vendors, prefix):
    vendor = prefix.lower().replace("anthropic", "claude")
    async with with_key(vendors, vendor, **{f"{prefix}_API_KEY": f"{KEY}\nmore"}) as provider:
        got = await answered(provider)
    assert KEY not in told(got.fault)
    assert not vendors.attempts


async def test_a_key_that_is_not_ascii_is_the_keys_fault(vendors):
    async with with_key(vendors, "cerebras", CEREBRAS_API_KEY="ключ") as provider:
        got = await answered(provider)
    assert type(got.fault) is errors.Unauthorized


async def test_what_a_library_says_of_a_failure_is_in_no_traceback():
    async def call():
        raise ValueError(f"illegal header value: Bearer {KEY}")

    with pytest.raises(errors.Fault) as caught:
        async with upstream.opened("claude", call):
            pass
    assert KEY not in told(caught.value)


async def test_the_prompt_is_not_in_a_fault(vendors, vendor):
    vendors.fails(vendor, Status(400))
    async with with_key(vendors, vendor) as provider:
        got = await answered(provider, asking(provider, "my secret plan"))
    assert "my secret plan" not in told(got.fault)
