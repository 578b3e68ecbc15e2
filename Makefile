# parkgrid: `make demo` shows it, `make test` proves it. Both do their own set-up.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# Written once what they name is installed; older than these files means: install again.
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
PINS := pyproject.toml constraints.txt

# The newest Python that is new enough. A name on the PATH may be an empty shim: only one that runs counts.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$python; break; fi; done)

# Goes to `parkgrid demo` and to pytest: make demo ARGS="--for 120 --json"
ARGS ?=

# The tests wait for servers most of the time, so more of them run side by side than there are cores.
# The tests of one file stay together: they share what is slow to start.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test check bench clean servers

help: ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 16

setup: $(DEV) ## Install parkgrid and what its tests need into .venv

demo: $(RUNTIME) ## Run the simulated park and its controller; ARGS="--for 120 --json" are passed on
	@$(BIN)/parkgrid demo $(ARGS)

test: $(DEV) servers ## Run every test; ARGS are passed to pytest
	@$(BIN)/python -m pytest -rs $(SIDE_BY_SIDE) $(ARGS)

check: $(DEV) ## Check format, style, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(DEV) ## Run the measurements in benchmarks/
	@for program in benchmarks/*.py; do echo "$$program"; $(BIN)/python "$$program" || exit 1; done

clean: ## Remove .venv and every cache
	rm -rf $(VENV) build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- set-up; what it says goes to standard error, so that `make demo ARGS=--json` prints nothing but its answer

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "parkgrid needs Python 3.11 or newer; none was found on the PATH" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing $$package, which $(PYTHON) needs to make a virtual environment" >&2; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$package; } >&2; \
		else \
			echo "$(PYTHON) cannot make a virtual environment; install it first: sudo apt-get install $$package" >&2; exit 1; \
		fi; \
	fi
	@echo "making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { rm -rf $(VENV); exit 1; }

# An edge node that is not ours; it needs an older paho-mqtt than we do, hence an environment of its own.
$(VENV)/sparkplug-peer/.installed: tests/peers/sparkplug.txt | $(BIN)/python
	@echo "installing the Sparkplug peer of the tests, once" >&2
	@$(PYTHON) -m venv $(VENV)/sparkplug-peer >&2 \
		&& $(VENV)/sparkplug-peer/bin/python -m pip install --quiet --disable-pip-version-check -r $< >&2 \
		&& touch $@ || echo "not installed: pysparkplug; tests that need it are skipped" >&2

# Peers in node.js. npm wants to own the folder that its package.json is in, so that is a copy in $(VENV).
$(VENV)/peers/.installed: tests/peers/package.json | $(BIN)/python
	@if ! { command -v node && command -v npm; } >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing for the tests: nodejs npm" >&2; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; } >&2 || true; \
	fi
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		echo "installing the node.js peers of the tests into $(@D), once" >&2; \
		mkdir -p $(@D) && cp $< $(@D)/package.json \
			&& npm install --prefix $(@D) --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel error >&2 \
			&& touch $@ || echo "not installed: node-opcua modbus-serial jsmodbus; tests that need them are skipped" >&2; \
	else \
		echo "not installed, so tests that need them are skipped: nodejs npm" >&2; \
	fi

$(RUNTIME): $(PINS) | $(BIN)/python
	@echo "installing parkgrid into $(VENV), once; this takes a minute or two" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . >&2
	@touch $@

$(DEV): $(PINS) | $(BIN)/python
	@echo "installing parkgrid and its test tools into $(VENV), once; this takes a minute or two" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' >&2
	@touch $@ $(RUNTIME)

# The real servers that the tests talk to: installed where that is allowed, else their tests are skipped.
servers: $(VENV)/sparkplug-peer/.installed $(VENV)/peers/.installed
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; missing=; \
	for pair in mosquitto:mosquitto mosquitto_pub:mosquitto-clients influxd:influxdb nginx:nginx-light mbpoll:mbpoll socat:socat gcc:gcc; do \
		command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	test -f /usr/include/modbus/modbus.h || missing="$$missing libmodbus-dev"; \
	test -n "$$missing" || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing for the tests:$$missing" >&2; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >&2 \
			|| echo "not installed:$$missing; tests that need them are skipped" >&2; \
	else \
		echo "not installed, so tests that need them are skipped:$$missing" >&2; \
	fi
