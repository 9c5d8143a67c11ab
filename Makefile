# Everything a checkout needs. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin
# The first of these that is new enough makes the environment; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

CRASH := .cache/crash-suite.jsonl

say = @printf 'make: %s\n'

.PHONY: help demo test test-full crash lint bench engine images stack-up stack-down lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or say PYTHON=/path/to/python3" >&2; exit 2; }
	$(say) "making $(VENV) with $$($(PYTHON) --version) (a minute or two the first time)"
	@$(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(say) "installing $$(grep -c == requirements.lock) pinned packages"
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(say) "installing the project itself, editable"
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY) ## one drill from start to scorecard, on a stack of its own
	@$(RUN)/drill demo

lint: $(READY) ## ruff and mypy
	$(say) "ruff"
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	$(say) "mypy"
	@$(RUN)/mypy

# With an engine its tests run, and need the images. DRILL_REQUIRE_ENGINE=1 makes its absence an error.
images:
	@if [ "$${DRILL_REQUIRE_ENGINE:-}" = 1 ] || docker version >/dev/null 2>&1; then staging/build-images.sh; \
	else echo "make: no container engine answers; tests that need one are skipped (make engine starts one)"; fi

test: lint images ## what CI runs: lint, types and the tests
	$(say) "pytest"
	@$(RUN)/pytest -m "not slow and not crash"

test-full: lint images ## all tests, the long ones and the crash suite too
	$(say) "pytest, everything"
	@$(RUN)/pytest

crash: $(READY) images ## strike the harness in every state and look at what it leaves (40 minutes and more)
	$(say) "the crash suite; its results go to $(CRASH) and docs/crash-suite.md"
	@mkdir -p .cache && rm -f $(CRASH)
	@code=0; DRILL_CRASH_RESULTS=$(CURDIR)/$(CRASH) $(RUN)/pytest tests/crash || code=$$?; \
	if [ -s $(CRASH) ]; then PYTHONPATH=tests $(RUN)/python tests/crash/report.py $(CRASH) docs/crash-suite.md; fi; exit $$code

bench: $(READY) images ## measure, and print the table
	@$(RUN)/python bench/run.py
	@$(RUN)/python bench/faults.py
	@$(RUN)/python bench/proxy.py

engine: ## install and start a container engine on a Debian-like machine (asks first)
	@staging/engine.sh

stack-up: $(READY) ## start the staging stack
	@$(RUN)/drill stack up

stack-down: $(READY) ## stop it
	@$(RUN)/drill stack down

lock: ## write requirements.lock anew from pyproject.toml
	$(say) "resolving the newest allowed versions in a fresh environment"
	@rm -rf .cache/lock && $(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	@{ echo '# Written by `make lock`: what `make demo` and `make test` install, for Python 3.11 to 3.13.'; \
	  .cache/lock/bin/python -m pip freeze --exclude chaos-drill; } > .cache/requirements.lock
	@mv .cache/requirements.lock requirements.lock && rm -rf .cache/lock
	$(say) "requirements.lock holds $$(grep -c == requirements.lock) packages"

clean: ## remove the environment and caches; results and the stack stay
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
