# Every target sets up what it needs. Start with `make`, which lists them.

PYTHON ?= python3
PYTEST_ARGS ?=

# Tests run side by side, a file of them at a time, each process with servers of its own: more of them than many a
# machine has cores, since they often wait. PYTEST_SPREAD= runs one by one.
PYTEST_SPREAD ?= --numprocesses 3 --dist loadfile

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# The newest Django we support needs Python 3.12 or later; the first of these that works gets the second run.
NEXT_DJANGO := 6.1
NEXT_PYTHONS := 3.12 3.14 3.13
NEXT_VENV := .venv-next
NEXT_READY := $(NEXT_VENV)/ready

# Of the matrix: FULL=1 runs every test instead of a choice; ONLY="3.13-6.1 3.12-5.2" runs these pairs alone.
FULL ?=
ONLY ?=

# What `make bench` measures: on which brokers (redis if none is named), and flags of `python -m benchmarks`.
BROKERS ?=
ARGS ?=

# Which drills, and how long: what `python -m drills` takes. Chaos and soak take ARGS.
DRILLS ?=

# Of `make proof`: every so many commands are befallen by each fault.
FAULTS ?= 1

# How many inputs `make fuzz` tries, and from which seed.
FUZZ ?= 100000
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-next check pictures chromium bench drills proof fuzz chaos soak lint format types floors migrations test-matrix clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## Run the example project (BROKER=memory|redis|database, ONCE=1 ends by itself)
	ONCE="$(ONCE)" BROKER="$(BROKER)" $(BIN)/python example_project/demo.py

test: $(READY)  ## Test, on the oldest Django we support
	ARDIQ_TEST_SERVERS=packaged $(BIN)/python -m pytest $(PYTEST_SPREAD) $(PYTEST_ARGS)

test-next:  ## Test on the newest
	@if python=$$(sh .ci/find-python $(NEXT_PYTHONS)); then \
		$(MAKE) --no-print-directory $(NEXT_READY) NEXT_PYTHON="$$python" && \
		echo "$(NEXT_VENV)/bin/python -m pytest $(PYTEST_SPREAD) $(PYTEST_ARGS)" && \
		$(NEXT_VENV)/bin/python -m pytest $(PYTEST_SPREAD) $(PYTEST_ARGS); \
	else \
		echo "Skipped Django $(NEXT_DJANGO): it needs one of Python $(NEXT_PYTHONS), and none was found."; \
	fi

check: lint floors types migrations chromium  ## Everything CI asks for: format, lint, floors, types, migrations, both tests
	@$(MAKE) --no-print-directory test-next
	@$(MAKE) --no-print-directory test

chromium:
	@sh .ci/install-chromium

pictures: $(READY)  ## Make the pictures of the admin in docs/pictures, with the Chromium of the system
	$(BIN)/python -m tests.browser.pictures

bench:  ## Measure, beside Ardiq where Python is new enough (BROKERS="redis sqlite" ARGS="--only bulk")
	@if python=$$(sh .ci/find-python $(NEXT_PYTHONS)); then \
		$(MAKE) --no-print-directory $(NEXT_READY) NEXT_PYTHON="$$python" && \
		$(NEXT_VENV)/bin/python -m benchmarks $(BROKERS) $(ARGS); \
	else \
		$(MAKE) --no-print-directory $(READY) && $(BIN)/python -m benchmarks $(BROKERS) $(ARGS); \
	fi

drills: $(READY)  ## Prove restarts, kills and outages with whole processes (DRILLS="outage --outage-s 20")
	$(BIN)/python -m drills $(DRILLS)

fuzz: $(READY)  ## Try 100,000 hostile inputs on decoders, stores and names (FUZZ=1000000 SEED=7)
	ARDIQ_TEST_SERVERS=packaged ARDIQ_FUZZ_EXAMPLES="$(FUZZ)" ARDIQ_FUZZ_SEED="$(SEED)" $(BIN)/python -m pytest tests/fuzz $(PYTEST_ARGS)

proof: $(READY)  ## Prove the protocol: every fault at every command, model, search, simulation, mutants (FAULTS=5: each fifth)
	ARDIQ_PROOF="$(FAULTS)" ARDIQ_TEST_SERVERS=packaged $(BIN)/python -m pytest -p no:logging tests/faults tests/contract/test_model.py $(PYTEST_ARGS)

chaos: $(READY)  ## Prove that storms lose nothing and repeat nothing without a cause (ARGS="--seeds 3 --broker redis")
	$(BIN)/python -m drills chaos $(ARGS)

soak: $(READY)  ## Prove that a million jobs leave nothing behind, on Redis (ARGS="--broker postgres --jobs 200000")
	$(BIN)/python -m drills soak $(if $(findstring --broker,$(ARGS)),,--broker redis) $(ARGS)

lint: $(READY)  ## Check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(READY)  ## Format, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## Check the types
	$(BIN)/mypy

floors: $(READY)  ## Check that imports go down only
	$(BIN)/lint-imports

migrations: $(READY)
	ARDIQ_TEST_DIR=$(VENV) DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check --dry-run

test-matrix: $(READY)  ## Test each Python and Django found, and each server (FULL=1: every test; ONLY="3.13-6.1")
	@FULL="$(FULL)" PYTEST_ARGS="$(PYTEST_SPREAD) $(PYTEST_ARGS)" $(BIN)/python -m tests.matrix $(ONLY)

clean:  ## Remove the environments, the caches and what was built
	rm -rf $(VENV) $(NEXT_VENV) .matrix .bench-peer build dist
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments, made again in place whenever pyproject.toml changes: $(call environment,<directory>,<python>,<django>)
define environment
	@test -x $(1)/bin/pip || $(2) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check "django~=$(3).0" -e ".[dev,postgres,uvloop]"
	@touch $(1)/ready
endef

$(READY): pyproject.toml
	$(call environment,$(VENV),$(PYTHON),5.2)

$(NEXT_READY): pyproject.toml
	$(call environment,$(NEXT_VENV),$(NEXT_PYTHON),$(NEXT_DJANGO))

.matrix/%/ready: pyproject.toml
	$(call environment,.matrix/$*,$(MATRIX_PYTHON),$(word 2,$(subst -, ,$*)))
