"""The program that holds the embedded model: llama.cpp's server in a process of its own.

`local` starts it, as a file. It is no thread of ours for two reasons that were measured: xllamacpp
keeps the interpreter's lock while it loads a model (0.4 s for a small one, and the time grows with
the file) and while it stops one; and stopping while an answer is being written can take 30 s or
never end. A process can be killed, and if llama.cpp aborts, the streams of other providers live.

It reads one line of JSON, what `params` takes, and writes one, `{"url"}` or `{"error"}`. It lives
until its input ends, which it does by whatever death its parent dies.
"""

import json
import os
import signal
import sys
from typing import Any


def params(options: dict[str, Any]) -> Any:
    """llama.cpp's parameters for `{"path", "name", "key", "threads", "context", "slots"}`."""
    from xllamacpp import CommonParams

    p = CommonParams()
    p.model.path = options["path"]
    p.model_alias = {options["name"]}
    p.n_ctx = options["context"]
    p.n_parallel = options["slots"]
    # Else each slot has its share of the context, and a longer prompt is refused.
    p.kv_unified = True
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = options["threads"]
    # Small models repeat themselves for ever without it.
    p.sampling.penalty_repeat = 1.1
    # Any web page can reach a port of this machine: it takes a key, and tells nothing.
    p.api_keys = [options["key"]]
    p.cors_origins = ""
    p.ui = p.endpoint_slots = p.endpoint_props = False
    p.verbosity = -1
    return p


def main() -> None:
    """Load, say where, wait. The parent alone decides when to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    options = json.loads(sys.stdin.readline())
    # What llama.cpp prints must not be taken for the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        from xllamacpp import Server

        server = Server(params(options))
        told = {"url": server.listening_address}
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    answer.write(json.dumps(told) + "\n")
    answer.flush()
    sys.stdin.read()
    os._exit(0)  # without the destructor, which may never return


if __name__ == "__main__":
    main()
