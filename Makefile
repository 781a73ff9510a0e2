# Verbs, no logic. `make explore` and `make test` set everything up on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: explore test test-long check bench accuracy setup chromium clean

explore: setup
	$(BIN)/slopes explore

# Bytecode is kept even where the environment says otherwise: to compile all of the tests again takes half a minute.
test test-long: export PYTHONDONTWRITEBYTECODE =

test: setup check chromium
	$(BIN)/pytest -n auto --dist worksteal

test-long: setup check chromium
	$(BIN)/pytest -n auto --dist worksteal -m "long or not long"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m bench

accuracy: setup
	$(BIN)/python -m bench.accuracy

setup: .venv/.ready

# torch first and by its exact pin: a looser one pulls gigabytes of GPU libraries.
.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "slopes needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[explorer,recipes,dask,huggingface,dev]'
	touch $@

# Debian's Chromium for the browser tests, where this user may install it; elsewhere those tests skip and say so.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium >/dev/null; } \
	  || echo "chromium is not here and cannot be installed by this user: the browser tests will be skipped"

clean:
	rm -rf .venv build dist
