# `make help` lists the targets. Nothing needs sudo or a system package but Python 3.11 or newer.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

bin := .venv/bin
# Builds or refreshes what a target needs; when nothing has changed it returns at once.
environment = python=$$(sh tools/find-python.sh) && "$$python" tools/environment.py

# Two workers: what CI and most laptops have. A file stays on one, so that its server or model starts once.
pytest := $(bin)/pytest -n 2 --dist loadfile

export PYTHON

.PHONY: help run test unit check format golden bench demo lock upgrade clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: ## Install what is needed and start the gateway on http://localhost:8080
	@$(environment) run
	@TRUNKLINE_DATA_DIR="$${TRUNKLINE_DATA_DIR:-./.trunkline}" exec $(bin)/trunkline serve --dev

demo: ## Run an agent with a tool through the gateway, and say what it took
	@$(environment) demo
	@exec $(bin)/trunkline demo

test: check ## Everything CI runs: `make check` and all tests
	@$(pytest)

unit: ## The fast tests
	@$(environment) test
	@$(pytest) -m "not slow"

check: ## Format, lint, types, floors
	@$(environment) test
	$(bin)/ruff format --check
	$(bin)/ruff check
	$(bin)/mypy
	$(bin)/lint-imports --no-cache

format: ## Format the code and mend what the linter can
	@$(environment) test
	$(bin)/ruff check --fix-only
	$(bin)/ruff format

golden: ## Rewrite the golden files; read the difference before you commit it
	@$(environment) test
	@$(bin)/pytest --refresh-golden

bench: ## Measure against nginx on this machine, and rewrite bench/RESULTS.md
	@$(environment) test
	@$(bin)/python -m bench

lock: ## Bring the locks in line with pyproject.toml and package.json
	@$(environment) test
	@tools/lock.sh

upgrade: ## Likewise, with the newest versions that these allow
	@$(environment) test
	@tools/lock.sh --upgrade

clean: ## Remove what was installed and cached; .env and the data in .trunkline stay
	rm -rf .venv examples/agents-sdk/node_modules build dist src/*.egg-info bench/build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find src tests tools bench examples -name __pycache__ -type d -prune -exec rm -rf {} +
