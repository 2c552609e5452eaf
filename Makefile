# `make` lists the targets. The first use sets up what they need: packages in .venv, and pueue (if it is not installed, and cargo
# is) in the user's cache folder.

PY := .venv/bin/python

.PHONY: help setup demo test quality replay fidelity fuzz lint format gen gen-check check bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.venv/.stamp: pyproject.toml uv.lock tools/setup.sh
	@tools/setup.sh sync --locked --quiet --compile-bytecode
	@touch $@

setup: .venv/.stamp ## create .venv with the locked packages

demo: .venv/.stamp ## show pueue-skill on a private pueue daemon
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/demo.py

# Each of thousands of starts uses the bytecode of the first.
test: export PYTHONDONTWRITEBYTECODE :=
# Without pueue, pytest skips the tests that need it.
test: .venv/.stamp ## run the tests, without the long ones unless ALL=1; ARGS=... is passed to pytest
	@$(if $(ARGS),:,echo "The tests take about $(if $(ALL)$(CI),25,10) minutes on 2 cores.")
	@if pueue=$$($(PY) tools/get_pueue.py); then PATH="$$pueue:$$PATH"; fi; $(PY) -m pytest -n 4 $(if $(ALL)$(CI),,-m "not long") $(ARGS)

SCRIPTS := 'pueue_skill/*.sh'
# All but gate.sh and prompts.sh, which are generated: the hook reads them at every call, so no blanks are added to them.
HOOKS := bin/pueue-skill hooks/launch hooks/monitor hooks/prepare hooks/python.sh
FORMATTED := $(SCRIPTS) 'pueue_skill/*.bash' $(HOOKS) tools/setup.sh .ci/run

lint: .venv/.stamp ## check format, lint, types, shell, spelling and vocabulary
	@$(PY) -m ruff format --check --quiet
	@$(PY) -m ruff check --quiet
	@$(PY) -m mypy
	@git ls-files -zco --exclude-standard $(FORMATTED) | xargs -0 .venv/bin/shfmt -d -i 4 -ci
	@git ls-files -zco --exclude-standard $(SCRIPTS) $(HOOKS) hooks/gate.sh hooks/prompts.sh tools/setup.sh | xargs -0 .venv/bin/shellcheck -s sh -x -P pueue_skill -P hooks
	@git ls-files -zco --exclude-standard 'pueue_skill/*.bash' .ci/run | xargs -0 .venv/bin/shellcheck -x -P pueue_skill
	@git ls-files -zco --exclude-standard | xargs -0 .venv/bin/codespell
	@$(PY) tools/vocabulary.py

format: .venv/.stamp ## format the code, and apply safe lint fixes
	@$(PY) -m ruff check --fix --quiet; $(PY) -m ruff format --quiet
	@git ls-files -zco --exclude-standard $(FORMATTED) | xargs -0 .venv/bin/shfmt -w -i 4 -ci

gen: .venv/.stamp ## write the generated files: schemas, references, gate
	@$(PY) tools/gen.py

gen-check: .venv/.stamp ## fail if a generated file is stale
	@$(PY) tools/gen.py --check

check: lint gen-check test ## run lint, gen-check and test

quality: .venv/.stamp ## measure the analysis on the labeled commands
	@$(PY) tools/quality.py $(ARGS)

replay: .venv/.stamp ## replay sessions of agents through the hooks; ARGS="[--missed] [--false-alarms] FILE..."
	@$(PY) tools/replay.py $(ARGS)

fidelity: .venv/.stamp ## run the differential cases as written and as rewritten; ARGS="-k TEXT", --file FILE, --show, --long
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/fidelity.py $(ARGS)

fuzz: .venv/.stamp ## run the analysis on 100,000 mutated commands; ARGS="COUNT SEED"
	@$(PY) tools/fuzz.py $(ARGS)

bench: .venv/.stamp ## measure latency and throughput
	@pueue=$$($(PY) tools/get_pueue.py) && PATH="$$pueue:$$PATH" $(PY) tools/bench.py $(ARGS)

lock: ## update uv.lock; ARGS=--upgrade selects newer versions
	@tools/setup.sh lock $(ARGS)

clean: ## remove .venv and all caches in this folder
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -prune -exec rm -rf {} +
