# Two commands: `make demo` shows what this does, `make test` checks that it does. Each sets itself up.
# Needed: python3 (3.11 or newer, with venv), make, and a package index that pip can reach.

PYTHON ?= python3
AIRFLOW ?= 3.3
OLDER := 2.11 3.0 3.1 3.2
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-$(AIRFLOW)
DEVELOP := $(VENV)/.develop-$(AIRFLOW)
FUZZ := $(VENV)/.fuzz-$(AIRFLOW)
BENCH := $(VENV)/.bench-$(AIRFLOW)
PORT ?= 8765

# Compiled modules are kept: without them each Airflow command starts twice as slowly.
export PYTHONDONTWRITEBYTECODE :=
# Nothing of the caller's own Airflow or PostBoost gets in.
unexport PYTHONPATH AIRFLOW_HOME VIRTUAL_ENV POSTBOOST_API_TOKEN POSTBOOST_WORKSPACE_UUID

.PHONY: help demo test live fuzz matrix matrix-one lint sandbox bench build clean

help:
	@echo "make demo     publish a week of posts on a local PostBoost, twice, and once more through a kill"
	@echo "make test     lint, types, walls and every test"
	@echo "make live     approvals, waits and rotations in a running Airflow, with all of its processes"
	@echo "make fuzz     thousands of made-up requests to the sandbox, held against PostBoost's schema; two minutes"
	@echo "make matrix   the main job on each supported Airflow before $(AIRFLOW): $(OLDER)"
	@echo "make sandbox  start the local PostBoost alone, on port $(PORT)"
	@echo "make bench    ratios to other clients and providers, in five to ten minutes"
	@echo "make lint     ruff, mypy, import-linter"
	@echo "make build    build the wheel and the sdist into dist/"
	@echo "make clean    remove what the others made"

# What the demo and the sandbox need, what checking and fuzzing need on top, and what benchmarks compare with.
$(RUN): WITH = sandbox
$(DEVELOP): WITH = sandbox,test
$(FUZZ): WITH = sandbox,test,fuzz
$(BENCH): WITH = sandbox,bench
$(RUN) $(DEVELOP) $(FUZZ) $(BENCH): pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: Python 3.11 or newer is needed. Try make PYTHON=python3.11."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --constraint constraints/airflow-$(AIRFLOW).txt uv
	@echo "Installing Airflow $(AIRFLOW) and this package into $(VENV)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints/airflow-$(AIRFLOW).txt \
		apache-airflow --editable '.[$(WITH)]'
	@touch $@

demo: $(RUN)
	@$(BIN)/python scripts/demo.py

test: lint
	$(BIN)/python -m pytest

# A part of Airflow takes long to start on a busy machine; each wait in these tests has its own end.
live: $(DEVELOP)
	$(BIN)/python -m pytest tests/live -m live --override-ini faulthandler_timeout=600

# Each in an environment of its own. On $(AIRFLOW) these tests are part of `make test`.
matrix:
	@for minor in $(OLDER); do \
		$(MAKE) --no-print-directory AIRFLOW=$$minor VENV=$(VENV)-$$minor matrix-one || exit 1; \
	done

matrix-one: $(DEVELOP)
	$(BIN)/python -m pytest -p no:cacheprovider tests/matrix

# Seed and number of cases are fixed.
fuzz: $(FUZZ)
	@PYTHONPATH=scripts $(BIN)/python -m tests.contract.fuzz

lint: $(DEVELOP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

sandbox: $(RUN)
	@$(BIN)/python -m postboost_provider.sandbox --port $(PORT)

bench: $(BENCH)
	@$(BIN)/python -m benchmarks

build: $(DEVELOP)
	$(BIN)/uv build --quiet --python $(BIN)/python --no-build-isolation

clean:
	rm -rf $(VENV) $(OLDER:%=$(VENV)-%) .demo dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
