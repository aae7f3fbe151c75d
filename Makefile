# Needs make and Python 3.11 or newer with venv. Everything else is installed in .venv and ~/.cache/cxgauge.

# Prints the newest Python that runs and has venv. A name on PATH may be a shim that does not run.
NEWEST_PYTHON = for each in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	$$each -c 'import ensurepip, venv' 2>/dev/null && echo $$each && break; \
	echo "$$each has no venv and is skipped (Debian has it in the package $$each-venv)" >&2; done
BIN := .venv/bin
INSTALLED := .venv/.installed
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'
EXTRAS ?= dev,broker

.DEFAULT_GOAL := help
.PHONY: help install demo demo-check test test-fresh weekly bench bench-base bench-state bench-keys bench-alerts bench-pure picture lint generate lock golden-state clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(INSTALLED)  ## Create .venv with everything, the extras for development and the broker included

$(INSTALLED): pyproject.toml
	@python=$(or $(PYTHON),$$($(NEWEST_PYTHON))); \
	test -n "$$python" || \
	{ echo "Python 3.11 or newer with venv is needed: make install PYTHON=/path/to/python" >&2; exit 1; }; \
	echo "$$python -m venv --clear .venv"; $$python -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

demo: install  ## Run everything on this machine with simulated customers, until Ctrl-C
	@$(BIN)/cxgauge demo

demo-check: install  ## Run the demo without interaction: exit 0 if its metrics are correct and its alerts arrive
	@$(BIN)/cxgauge demo --check

test: install  ## Run all tests, or a selection (ARGS='-k nps'). Tests whose programs do not start are skipped
	$(BIN)/python -m pytest $(ARGS)

test-fresh:  ## Run all tests on minimal Debian 12 and 13 systems (debootstrap, as root)
	.ci/fresh bookworm make test
	.ci/fresh trixie make test

weekly: test-fresh install  ## Run the checks that take too long for every change
	CX_TEST_KILLS=100 $(BIN)/python -m pytest tests/security/test_kills.py
	CX_TEST_DISK_KILLS=20 $(BIN)/python -m pytest tests/worker/disk/test_worker_on_disk.py

bench: install  ## Measure throughput, latency and memory, and compare with Kafka Streams
	$(BIN)/python -m tests.bench.core
	$(BIN)/python -m tests.bench.days
	$(BIN)/python -m tests.bench.run
	$(BIN)/python -m tests.bench.live
	$(BIN)/python -m tests.bench.intake
	$(BIN)/python -m tests.bench.judging
	$(BIN)/python -m tests.bench.others
	$(BIN)/python -m tests.bench.full_state

bench-base: install  ## Measure time and memory for loading a million existing customers
	$(BIN)/python -m tests.bench.base

bench-state: install  ## Compare entities in memory with those on disk: CPU, memory, disk, start and throughput (ARGS="5000000 12": answers, partitions)
	$(BIN)/python -m tests.bench.state $(ARGS)
	$(BIN)/python -m tests.bench.disk

bench-keys: install  ## Measure erasures, and customers and tickets with many events
	$(BIN)/python -m tests.bench.keys

bench-alerts: install  ## Measure false alarms and detection times on half a year of simulated traffic
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	for rules in plain z-score adaptive 'burn rate' limit deploy/prometheus/rules; do \
	echo "$$rules"; $(BIN)/python -m tests.bench.alerts --seeds 11 --rules "$$rules" || exit; done

bench-pure: install  ## Measure a worker with Faust's Python form, which arm64 has, and with the compiled one
	CC=false $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-cache-dir --upgrade \
	  --no-binary faust-streaming --target build/pure $$(sed -n 's/^\(faust-streaming==[^ ]*\).*/\1/p' deploy/image.lock)
	$(BIN)/python -m tests.bench.pure build/pure

picture: install  ## Take the README's screenshots of the live page during the demo
	$(BIN)/python -m tests.exporter.live.picture

lint: install  ## Check style, types, dependencies between packages and generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cxgauge generate --check
	$(BIN)/python -m tests.deploy.chart --check
	$(BIN)/python -m tests.style.prose

generate: install  ## Write the files that are generated from the code and from the Helm chart
	$(BIN)/cxgauge generate
	$(BIN)/python -m tests.deploy.chart

lock: install  ## Write the versions and hashes of what the image contains (newer versions: ARGS=--upgrade)
	$(BIN)/uv pip compile $(LOCK) $(ARGS) --extra disk --output-file deploy/image.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) $(ARGS) --output-file deploy/build.lock --group pyproject.toml:build

golden-state: install  ## Write the golden files of a new version of the stored state
	$(BIN)/python -m tests.golden.write

clean:  ## Remove .venv and all caches of this folder
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
