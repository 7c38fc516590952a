# `make demo` shows what the package does, `make test` checks it. Both create what they need in .venv.
# Required: python3 (3.11 or newer, with venv), make, and a package index that pip can reach.

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
MINUTES ?= 15

# Keep compiled modules: without them each Airflow command takes twice as long to start.
export PYTHONDONTWRITEBYTECODE :=
# Ignore the caller's own Airflow and PostBoost settings.
unexport PYTHONPATH AIRFLOW_HOME VIRTUAL_ENV POSTBOOST_API_TOKEN POSTBOOST_WORKSPACE_UUID

.PHONY: help demo test live fuzz mutants matrix matrix-one lint sandbox bench build clean

help:
	@echo "make demo     publish a week of posts on a local PostBoost, run the DAG again, kill it half way and run it again"
	@echo "make test     run the linters, the type checker, the import rules and the tests"
	@echo "make live     test approvals, waits and rotations in a running Airflow, with all of its processes"
	@echo "make fuzz     check the sandbox's responses to thousands of generated requests against PostBoost's schema"
	@echo "make mutants  change the modules that decide, one thing at a time, and list what no test notices (MINUTES=15)"
	@echo "make matrix   test the main job on each supported Airflow before $(AIRFLOW): $(OLDER)"
	@echo "make sandbox  start only the local PostBoost, on port $(PORT)"
	@echo "make bench    compare performance with other clients and providers, in five to ten minutes"
	@echo "make lint     run ruff, mypy and import-linter"
	@echo "make build    build the wheel and the sdist into dist/"
	@echo "make clean    remove everything that the other commands created"

# The extras that each environment needs.
$(RUN): WITH = sandbox
$(DEVELOP): WITH = sandbox,test
$(FUZZ): WITH = sandbox,test,fuzz
$(BENCH): WITH = sandbox,bench
$(RUN) $(DEVELOP) $(FUZZ) $(BENCH): pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: Python 3.11 or newer is required. Run, for example: make PYTHON=python3.11."; exit 1; }
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

# Airflow takes long to start on a busy machine, and each wait in these tests has its own timeout.
live: $(DEVELOP)
	$(BIN)/python -m pytest tests/live -m live --override-ini faulthandler_timeout=600

# Each Airflow has its own environment. On $(AIRFLOW), `make test` runs these tests.
matrix:
	@for minor in $(OLDER); do \
		$(MAKE) --no-print-directory AIRFLOW=$$minor VENV=$(VENV)-$$minor matrix-one || exit 1; \
	done

matrix-one: $(DEVELOP)
	$(BIN)/python -m pytest -p no:cacheprovider tests/matrix

# Seed and number of cases are fixed. Takes two minutes.
fuzz: $(FUZZ)
	@PYTHONPATH=scripts $(BIN)/python -m tests.contract.fuzz

# The same mutants in the same order each time, as many as fit: `make mutants MINUTES=60 MODULES=api/retry.py`.
mutants: $(DEVELOP)
	@$(BIN)/python scripts/mutants.py --minutes $(MINUTES) $(MODULES)

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
