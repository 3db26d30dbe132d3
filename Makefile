# Every target sets up what it needs. Start with `make`, which lists them.

PYTHON ?= python3
NEXT ?= 1
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# The newest Django we support needs Python 3.12 or later; the first of these that works gets the second run.
NEXT_DJANGO := 6.1
NEXT_PYTHONS := 3.12 3.14 3.13
NEXT_VENV := .venv-next
NEXT_READY := $(NEXT_VENV)/ready

MATRIX := 3.11-5.2 \
          3.12-5.2 3.12-6.0 3.12-6.1 \
          3.13-5.2 3.13-6.0 3.13-6.1 \
          3.14-5.2 3.14-6.0 3.14-6.1

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest test-next check bench lint format types floors migrations test-matrix clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## Run the example project (BROKER=memory|redis|database, ONCE=1 ends by itself)
	ONCE="$(ONCE)" BROKER="$(BROKER)" $(BIN)/python example_project/demo.py

test: test-oldest $(if $(filter-out 0,$(NEXT)),test-next)  ## Test on the oldest and the newest Django (NEXT=0: only the oldest)

test-oldest: $(READY)
	ARDIQ_TEST_SERVERS=packaged $(BIN)/python -m pytest $(PYTEST_ARGS)

test-next:
	@if python=$$(sh .ci/find-python $(NEXT_PYTHONS)); then \
		$(MAKE) --no-print-directory $(NEXT_READY) NEXT_PYTHON="$$python" && \
		echo "$(NEXT_VENV)/bin/python -m pytest $(PYTEST_ARGS)" && \
		$(NEXT_VENV)/bin/python -m pytest $(PYTEST_ARGS); \
	else \
		echo "Skipped Django $(NEXT_DJANGO): it needs one of Python $(NEXT_PYTHONS), and none was found."; \
	fi

check: lint floors types migrations  ## Everything CI asks for: format, lint, floors, types, migrations, tests
	@$(MAKE) --no-print-directory test

bench: $(READY)  ## Measure
	$(BIN)/python -m benchmarks

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

test-matrix: $(addprefix matrix-,$(MATRIX))  ## Test on every Python found, with every Django it may run

# matrix-<python>-<django>; a Python that is not there is left out, and said so.
matrix-%:
	@if python=$$(sh .ci/find-python $(word 1,$(subst -, ,$*))); then \
		$(MAKE) --no-print-directory .venvs/$*/ready MATRIX_PYTHON="$$python" && \
		echo "== Python $(word 1,$(subst -, ,$*)), Django $(word 2,$(subst -, ,$*))" && \
		.venvs/$*/bin/python -m pytest -q $(PYTEST_ARGS); \
	else \
		echo "== Python $(word 1,$(subst -, ,$*)) was not found: left out."; \
	fi

clean:  ## Remove the environments, the caches and what was built
	rm -rf $(VENV) $(NEXT_VENV) .venvs build dist
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

.venvs/%/ready: pyproject.toml
	$(call environment,.venvs/$*,$(MATRIX_PYTHON),$(word 2,$(subst -, ,$*)))
