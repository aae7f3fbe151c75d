# Needs make and Python 3.11 or newer with venv; everything else goes to .venv and ~/.cache/cxgauge.

# Prints the newest Python that runs and has venv. A name on PATH may be a shim that does not run.
NEWEST_PYTHON = for each in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	$$each -c 'import ensurepip, venv' 2>/dev/null && echo $$each && break; \
	echo "$$each has no venv and is passed over (Debian has it in the package $$each-venv)" >&2; done
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo demo-check test test-fresh weekly bench bench-base bench-alerts picture lint generate golden-state clean

help:  ## Show this
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(INSTALLED)  ## Make .venv with everything: development and broker extras too

$(INSTALLED): pyproject.toml
	@python=$(or $(PYTHON),$$($(NEWEST_PYTHON))); \
	test -n "$$python" || \
	{ echo "Python 3.11 or newer with venv is needed: make install PYTHON=/path/to/python" >&2; exit 1; }; \
	echo "$$python -m venv --clear .venv"; $$python -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,broker]'
	@touch $@

demo: install  ## Run everything on this machine with made-up customers, until Ctrl-C
	@$(BIN)/cxgauge demo

demo-check: install  ## Run the demo headless: exit 0 when its figures are right and its alerts are told
	@$(BIN)/cxgauge demo --check

test: install  ## Run all tests (ARGS='-k nps' some); those whose programs are missing are skipped and listed
	$(BIN)/python -m pytest $(ARGS)

test-fresh:  ## Run all tests on minimal systems: Debian 12 and 13, made by debootstrap, as root
	.ci/fresh bookworm make test
	.ci/fresh trixie make test

weekly: test-fresh  ## Run all that takes longer than a change can wait

bench: install  ## Measure throughput, latency and memory, and Kafka Streams beside it
	$(BIN)/python -m tests.bench.core
	$(BIN)/python -m tests.bench.days
	$(BIN)/python -m tests.bench.run
	$(BIN)/python -m tests.bench.live
	$(BIN)/python -m tests.bench.others

bench-base: install  ## Load a million customers that are there already: time, memory, figures
	$(BIN)/python -m tests.bench.base

bench-alerts: install  ## Measure false alarms and time to alert: weeks of traffic through Prometheus
	$(BIN)/python -m tests.bench.alerts.run

picture: install  ## Take the README's pictures of the live page, from the demo
	$(BIN)/python -m tests.exporter.live.picture

lint: install  ## Check style, types, dependencies between packages and generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cxgauge generate --check
	$(BIN)/python -m tests.style.prose

generate: install  ## Write what is generated from the code
	$(BIN)/cxgauge generate

golden-state: install  ## Write the golden files of a new version of the stored state
	$(BIN)/python -m tests.golden.write

clean:  ## Remove .venv and all caches of this folder
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
