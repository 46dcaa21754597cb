# The one runner, the same here and in CI. Every target is one line; what needs more stands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup run dev test check fix lint types arch web web-all test-fast test-all e2e bench docs build
HOST ?= 127.0.0.1
PORT ?= 8030
APP ?=
# Programs are started hundreds of times: compiled once, whatever the environment says, and away from the sources.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX = $(CURDIR)/.cache/pycache
# The files with few tests have the long ones: begun first, they do not run alone at the end.
PYTEST = .venv/bin/pytest --dist loadfile --no-loadscope-reorder -q

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv and node_modules from the lock files; instant when nothing changed
	@scripts/setup python node

run: ## Serve on http://127.0.0.1:8030 with SQLite in ./avance-data until Ctrl-C; APP=module:app for tasks
	@scripts/setup python node && scripts/console && exec .venv/bin/avance serve $(APP) --host $(HOST) --port $(PORT) --data avance-data

dev: setup ## As run, and the console with hot reload on http://127.0.0.1:3030/console/
	@exec env HOST=$(HOST) PORT=$(PORT) APP=$(APP) scripts/dev

test: ## Everything: install what is missing, check, every test
	@scripts/test

check: setup ## Lint, types, layers and unit tests of both languages, in under a minute
	@$(MAKE) --no-print-directory -j2 -Otarget lint types arch web test-fast

fix: setup ## Mend and format what the linter can, and write the generated pages
	.venv/bin/ruff check --fix . && .venv/bin/ruff format . && scripts/contract-status && .venv/bin/python scripts/reference && .venv/bin/python scripts/wire_types.py && npx --no-install biome check --write .

lint: setup ## Ruff: rules and format
	.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet .

types: setup ## mypy --strict, and no public symbol without a written type
	.venv/bin/mypy && .venv/bin/python scripts/public-types

arch: setup ## Import contracts between the layers
	.venv/bin/lint-imports --no-logo

web: setup ## TypeScript: lint, types, unit tests
	@scripts/web check

web-all: setup
	@scripts/web all

test-fast: setup ## Unit tests only
	$(PYTEST) -n 2 tests/unit

# A third of the time of most of them is waiting for other processes: three keep two processors busy.
test-all: setup ## Every Python test, without the checks
	$(PYTEST) -n 3 --durations=40 --durations-min=4

e2e: setup ## The console in a real Chromium
	scripts/system-packages test && scripts/console && $(PYTEST) -n 2 tests/e2e

bench: setup ## Ask the questions of benchmarks/, beside peers; ARGS="--quick fanout" for one
	scripts/system-packages bench && .venv/bin/python -m benchmarks $(ARGS)

docs: ## The documentation into site/
	scripts/docs

build: setup ## Wheel and sdist, with the console, into dist/
	scripts/console && scripts/uv build
