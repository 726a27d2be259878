"""Who is measured: Leadstream, a handler written by hand, nginx, and LiteLLM where it is installed.

All of them stand before the same vendor, each alone on its core.
"""

import contextlib
import os
import shutil
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.process import MEASURED, Process, running

ROOT = Path(__file__).parent.parent

NGINX = """\
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log off; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
  uwsgi_temp_path tmp; scgi_temp_path tmp;
  upstream vendor {{ server 127.0.0.1:{vendor}; keepalive 256; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""

LITELLM = """\
model_list:
  - model_name: "*"
    litellm_params: {{model: "openai/*", api_base: "http://127.0.0.1:{vendor}/v1", api_key: none}}
"""


SHORT = "bench-n5-i0"
"""The model of short answers, which warm a rival up: what is loaded or cached once."""


@dataclass(frozen=True)
class Rival:
    """`command(port, vendor, folder)` starts it; `path` takes `body(model)`."""

    name: str
    command: Callable[[int, int, Path], list[str]]
    path: str
    body: Callable[[str], dict[str, Any]]
    env: Callable[[int, str], Mapping[str, str]] = lambda vendor, model: {}
    ready: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    present: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Standing:
    """A rival that runs: where it is asked, and how."""

    rival: Rival
    process: Process
    port: int
    model: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.rival.path}"

    @property
    def request(self) -> dict[str, Any]:
        """For `reader.read`."""
        return {"body": self.rival.body(self.model), "headers": dict(self.rival.headers)}


@contextlib.contextmanager
def standing(
    rival: Rival, folder: Path, vendor: int, model: str, **settings: Any
) -> Iterator[Standing]:
    """`settings` are Leadstream's, as in `max_streams=2000`."""
    port = free_port()
    env = dict(rival.env(vendor, model))
    env |= {f"LEADSTREAM_{name.upper()}": str(value) for name, value in settings.items()}
    env["LEADSTREAM_PORT"] = str(port)
    url = f"http://127.0.0.1:{port}{rival.ready}"
    with running(
        rival.command(port, vendor, folder), folder, env=env, core=MEASURED, ready=lambda: up(url)
    ) as process:
        yield Standing(rival, process, port, model)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def up(url: str) -> bool:
    """Whether anybody answers there, whatever."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _chat(model: str) -> dict[str, Any]:
    return {
        "model": model,
        "stream": True,
        "messages": [{"role": "user", "content": "Say something."}],
    }


def _leadstream(vendor: int, model: str) -> dict[str, str]:
    return {
        "CEREBRAS_API_KEY": "bench",
        "CEREBRAS_BASE_URL": f"http://127.0.0.1:{vendor}/v1",
        "CEREBRAS_MODEL": f"{model},{SHORT}",
        "LEADSTREAM_PROVIDERS": "cerebras",
        "LEADSTREAM_LOCAL_MODEL": "off",
        "LEADSTREAM_DATABASE_URL": "sqlite:///bench.db",
        "PYTHONPATH": str(ROOT),
    }


def _handler(port: int, vendor: int, folder: Path) -> list[str]:
    quick = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    return [sys.executable, "-m", "uvicorn", "bench.handler:app", "--port", str(port), *quick]


def _nginx(port: int, vendor: int, folder: Path) -> list[str]:
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(NGINX.format(port=port, vendor=vendor))
    return ["nginx", "-p", str(folder), "-c", "nginx.conf"]


def _litellm(port: int, vendor: int, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "litellm.yaml").write_text(LITELLM.format(vendor=vendor))
    host = ["--host", "127.0.0.1", "--port", str(port)]
    return [_litellm_program(), "--config", "litellm.yaml", *host, "--num_workers", "1"]


def _litellm_program() -> str:
    return os.environ.get("LITELLM") or shutil.which("litellm") or ""


_KEY = "sk-" + "bench" * 8

LEADSTREAM = Rival(
    "Leadstream",
    lambda port, vendor, folder: [sys.executable, str(ROOT / "server.py")],
    "/api/agents/conversation/stream",
    lambda model: {"message": "Say something.", "provider": f"cerebras/{model}"},
    _leadstream,
    ready="/livez",
)
HANDLER = Rival(
    "handler",
    _handler,
    "/stream",
    lambda model: {"model": model, "message": "Say something."},
    lambda vendor, model: {"UPSTREAM": f"http://127.0.0.1:{vendor}/v1", "PYTHONPATH": str(ROOT)},
)
NGINX_RIVAL = Rival(
    "nginx",
    _nginx,
    "/v1/chat/completions",
    _chat,
    present=lambda: shutil.which("nginx") is not None,
)
LITELLM_RIVAL = Rival(
    "LiteLLM",
    _litellm,
    "/v1/chat/completions",
    _chat,
    lambda vendor, model: {"LITELLM_MASTER_KEY": _KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    headers={"authorization": f"Bearer {_KEY}"},
    present=lambda: bool(_litellm_program()),
)

ALL = (LEADSTREAM, HANDLER, NGINX_RIVAL, LITELLM_RIVAL)


def here() -> list[Rival]:
    """Those that this machine has."""
    return [rival for rival in ALL if rival.present()]
