# `make` says what can be made. All that is needed is set up on first use: packages in .venv, pueue (when none is
# found and cargo is there) in the user's cache folder.

PY := .venv/bin/python

.PHONY: help setup demo test quality fidelity fuzz lint format gen gen-check check bench lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.venv/.stamp: pyproject.toml uv.lock tools/setup.sh
	@tools/setup.sh sync --locked --quiet --compile-bytecode
	@touch $@

setup: .venv/.stamp ## make .venv with the locked packages

demo: .venv/.stamp ## show the main job on a private pueue daemon
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/demo.py

# Without pueue the tests that need it are skipped.
test: .venv/.stamp ## run the tests, the long ones only with ALL=1; ARGS=... goes to pytest
	@if pueue=$$($(PY) tools/get_pueue.py); then PATH="$$pueue:$$PATH"; fi; $(PY) -m pytest -n 4 $(if $(ALL)$(CI),,-m "not long") $(ARGS)

lint: .venv/.stamp ## check format, lint, types and spelling
	@$(PY) -m ruff format --check --quiet
	@$(PY) -m ruff check --quiet
	@$(PY) -m mypy
	@git ls-files -z | xargs -0 .venv/bin/codespell

format: .venv/.stamp ## format, and fix what can be fixed
	@$(PY) -m ruff check --fix --quiet; $(PY) -m ruff format --quiet

gen: .venv/.stamp ## write what is generated from the code: schemas, references, gate
	@$(PY) tools/gen.py

gen-check: .venv/.stamp ## fail if something generated is stale
	@$(PY) tools/gen.py --check

check: lint gen-check test ## all that must pass

quality: .venv/.stamp ## measure the analysis on the labelled commands
	@$(PY) tools/quality.py $(ARGS)

fidelity: .venv/.stamp ## run the differential cases as written and as rewritten; ARGS="-k TEXT", --file FILE, --show, --long
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/fidelity.py $(ARGS)

fuzz: .venv/.stamp ## run the analysis on 100,000 mutated commands; ARGS="COUNT SEED"
	@$(PY) tools/fuzz.py $(ARGS)

bench: .venv/.stamp ## measure
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/bench.py $(ARGS)

lock: ## write uv.lock anew; ARGS=--upgrade takes up newer versions
	@tools/setup.sh lock $(ARGS)

clean: ## remove .venv and all caches in this folder
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -prune -exec rm -rf {} +
