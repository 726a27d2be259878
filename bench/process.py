"""Processes that are measured: started on a core of their own, with their CPU time and memory.

CPU is user and system time of a process with all its descendants, as the kernel counts it.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

MEASURED, OTHERS = 0, min(1, (os.cpu_count() or 1) - 1)
"""The core of what is measured, and that of everything else."""


class Process:
    """A running program."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.popen = process
        self.log = log

    def cpu_s(self) -> float:
        return sum(int(stat[11]) + int(stat[12]) for stat in self._stats()) / HZ

    def rss_kib(self) -> float:
        return sum(int(stat[21]) for stat in self._stats()) * PAGE / 1024

    def _stats(self) -> Iterator[list[str]]:
        for pid in self._pids():
            with contextlib.suppress(OSError):
                yield Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

    def _pids(self) -> Iterator[int]:
        queue = [self.popen.pid]
        while queue:
            pid = queue.pop()
            yield pid
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    queue += map(int, (task / "children").read_text().split())


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    core: int = OTHERS,
    ready: Callable[[], bool],
    within_s: float = 60,
) -> Iterator[Process]:
    """`command` on `core`, once it is `ready`; ended on the way out. Raises RuntimeError."""
    log = folder / "log"
    folder.mkdir(parents=True, exist_ok=True)
    pinned = ["taskset", "-c", str(core), *command] if shutil.which("taskset") else list(command)
    with log.open("w") as out:
        popen = subprocess.Popen(
            pinned, cwd=folder, env={**os.environ, **(env or {})}, stdout=out, stderr=out, text=True
        )
    try:
        _wait(popen, ready, within_s, log)
        yield Process(popen, log)
    finally:
        popen.terminate()
        try:
            popen.wait(30)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def _wait(
    popen: "subprocess.Popen[str]", ready: Callable[[], bool], within_s: float, log: Path
) -> None:
    until = time.monotonic() + within_s
    while not ready():
        if popen.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{popen.args} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.01)
