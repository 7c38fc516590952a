# `make demo` shows what the package does, `make test` checks it. Both create what they need in .venv.
# Required: python3 (3.11 or newer, with venv), make, and a package index that pip can reach.

PYTHON ?= python3
AIRFLOW ?= 3.3
# "lowest" is 2.11.0 with the lowest version of each dependency that pyproject.toml allows.
OLDER := lowest 2.11 3.0 3.1 3.2
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-$(AIRFLOW)
DEVELOP := $(VENV)/.develop-$(AIRFLOW)
FUZZ := $(VENV)/.fuzz-$(AIRFLOW)
UI := $(VENV)/.ui-$(AIRFLOW)
BENCH := $(VENV)/.bench-$(AIRFLOW)
DOCS := $(VENV)/.docs-$(AIRFLOW)
RELEASE := $(VENV)/.release-$(AIRFLOW)
# An environment with the wheel, as a user has it.
INSTALLED := $(VENV)-installed
PORT ?= 8765
MINUTES ?= 15

# Keep compiled modules: without them each Airflow command takes twice as long to start.
export PYTHONDONTWRITEBYTECODE :=
# Ignore the caller's own Airflow and PostBoost settings.
unexport PYTHONPATH AIRFLOW_HOME VIRTUAL_ENV POSTBOOST_API_TOKEN POSTBOOST_WORKSPACE_UUID

.PHONY: help demo test live ui fuzz mutants matrix matrix-one lint sandbox bench docs build installed audit sbom clean

help:
	@echo "make demo     publish a week of posts on a local PostBoost, run the DAG again, kill it half way and run it again"
	@echo "make test     run the linters, the type checker, the import rules and the tests"
	@echo "make live     test approvals, waits and rotations in a running Airflow, with all of its processes"
	@echo "make faults   throw seeded faults, kills, races and time at every operator, and compare what PostBoost has then"
	@echo "make ui       fill in the connection form of a running Airflow in a headless browser"
	@echo "make fuzz     check the sandbox's responses to thousands of generated requests against PostBoost's schema"
	@echo "make mutants  change the modules that decide, one thing at a time, and list what no test notices (MINUTES=15)"
	@echo "make matrix   test the main job of the built wheel on each supported Airflow before $(AIRFLOW): $(OLDER)"
	@echo "make sandbox  start only the local PostBoost, on port $(PORT)"
	@echo "make bench    compare performance with other clients and providers, in five to ten minutes"
	@echo "make lint     run ruff, mypy and import-linter"
	@echo "make docs     build the documentation as a web site into build/docs/"
	@echo "make build    build the wheel and the sdist into dist/, and check them as a package index does"
	@echo "make installed  install the wheel into $(INSTALLED), and check what Airflow finds there"
	@echo "make audit    look up known vulnerabilities of what is installed there"
	@echo "make sbom     list what is installed there in build/sbom.json (CycloneDX)"
	@echo "make clean    remove everything that the other commands created"

# The extras that each environment needs.
$(RUN): WITH = sandbox
$(DEVELOP): WITH = sandbox,test
$(FUZZ): WITH = sandbox,test,fuzz
$(UI): WITH = sandbox,test,ui
$(BENCH): WITH = sandbox,bench
$(DOCS): WITH = docs
$(RELEASE): WITH = release
$(RUN) $(DEVELOP) $(FUZZ) $(UI) $(BENCH) $(DOCS) $(RELEASE): pyproject.toml constraints/airflow-$(AIRFLOW).txt
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

# Two processes: some of the tests start an Airflow, which takes memory.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Airflow takes long to start on a busy machine, and each wait in these tests has its own timeout.
live: $(DEVELOP)
	$(BIN)/python -m pytest tests/live -m "live and not kills" --override-ini faulthandler_timeout=600

# Needs a browser on the PATH, such as Debian's chromium. AIRFLOW=2.11 VENV=.venv-2.11 opens the form of that Airflow.
ui: $(UI)
	$(BIN)/python -m pytest tests/ui -m live -rs --override-ini faulthandler_timeout=600

# The seed is fixed. Takes five minutes.
faults: $(DEVELOP)
	@$(BIN)/python -m tests.faults

# 40 kills in a running Airflow, and a table at the end. Takes ten minutes.
faults-live: $(DEVELOP)
	$(BIN)/python -m pytest tests/live -m kills --override-ini faulthandler_timeout=1200

# Each Airflow has its own environment. On $(AIRFLOW), `make test` runs these tests.
matrix:
	@for minor in $(OLDER); do \
		$(MAKE) --no-print-directory AIRFLOW=$$minor VENV=$(VENV)-$$minor matrix-one || exit 1; \
	done

# The tests run in a folder without the package, so that they import the installed wheel.
matrix-one: $(DEVELOP)
	rm -rf build/matrix-$(AIRFLOW) && mkdir -p build/matrix-$(AIRFLOW)
	$(BIN)/uv build --quiet --wheel --python $(BIN)/python --no-build-isolation --out-dir build/matrix-$(AIRFLOW)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --reinstall build/matrix-$(AIRFLOW)/*.whl
	@rm -f $(RUN) $(DEVELOP) $(FUZZ) $(BENCH)  # they stand for the checkout's own code
	cp -R pyproject.toml tests scripts dags_examples build/matrix-$(AIRFLOW)
	cd build/matrix-$(AIRFLOW) && $(abspath $(BIN))/python -m pytest -p no:cacheprovider tests/matrix

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

# The pages keep the folders of the repository, so that links between them work.
docs: $(DOCS)
	rm -rf build/pages && mkdir -p build/pages
	cp -R $(wildcard *.md) docs dags_examples build/pages
	$(BIN)/pygmentize -S friendly -f html -a .highlight > build/pages/highlight.css
	$(BIN)/properdocs build --strict --quiet -f mkdocs.yml
	@echo "Open build/docs/index.html"

# The wheel is built from the sdist.
build: $(RELEASE)
	rm -rf dist
	$(BIN)/uv build --quiet --python $(BIN)/python --no-build-isolation
	$(BIN)/twine check --strict dist/*

installed: build
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(INSTALLED)
	$(BIN)/uv pip install --quiet --python $(INSTALLED) --constraint constraints/airflow-$(AIRFLOW).txt dist/*.whl
	cd build && $(abspath $(INSTALLED))/bin/python -m postboost_provider --help
	AIRFLOW_HOME=$(CURDIR)/build/airflow $(INSTALLED)/bin/airflow providers list --output plain | grep airflow-provider-postboost

audit: installed
	$(BIN)/pip-audit --path $(INSTALLED)/lib/python*/site-packages

sbom: installed
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-file build/sbom.json $(INSTALLED)

clean:
	rm -rf $(VENV) $(VENV)-installed $(OLDER:%=$(VENV)-%) .demo build dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
