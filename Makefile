# Everything a developer runs. `make help` lists the targets.
# Plain POSIX make: the rules below hold for GNU make and BSD make alike.

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
CODE = ml_connector workflows activities starter worker.py proof tests

# Extra arguments, for example: make test PYTEST_ARGS='-k money -x'
PYTEST_ARGS = -n auto --dist worksteal
DEMO_ARGS =
# For example: make chaos CHAOS_ARGS="--seed 7 --no-block"
CHAOS_ARGS =
BENCH_ARGS =
PROOF_ARGS =

.PHONY: help demo test check fmt chaos bench proof lock clean

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

##@ Use

demo: $(INSTALLED) ## Run everything on this machine against the simulated Visma and FedEx
	@$(BIN)/ml-connector demo $(DEMO_ARGS)

##@ Develop

# Each test process and each run of a workflow would compile the same files, where it is forbidden.
test: $(INSTALLED) ## Run the whole test suite
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(INSTALLED) ## Lint, format, types, import directions, known vulnerabilities, alert rules; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	@sh .ci/audit $(BIN)
	@sh .ci/alerts

fmt: $(INSTALLED) ## Put the code into the agreed format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

##@ Prove

chaos: $(INSTALLED) ## Faults, kill -9 and locks on 300 orders, then compare with the truth
	@$(BIN)/python -m proof.chaos $(CHAOS_ARGS)

bench: $(INSTALLED) ## Measure pace, calls, bytes and memory; writes docs/bench.json
	@$(BIN)/python -m proof.bench $(BENCH_ARGS)

proof: $(INSTALLED) ## The full-size runs of which make test holds a tenth
	@$(BIN)/python -m proof.proof $(PROOF_ARGS)

##@ Maintain

lock: ## Resolve pyproject.toml anew into requirements/*.txt (needs uv)
	@command -v uv >/dev/null 2>&1 || { \
		echo "make lock: uv is not installed. It resolves for all platforms at once." \
			"Install it and run make lock again." >&2; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url \
		--output-file requirements/runtime.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --extra dev \
		--output-file requirements/dev.txt pyproject.toml

clean: ## Remove what make and the tools made; the data under .ml-connector stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.hypothesis .import_linter_cache
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

# The environment is made once; a changed lock file or pyproject.toml makes it again.
# Every package is checked against its hash, whichever installer is at hand.
$(INSTALLED): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11." \
			"Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@echo "Installing into $(VENV), once ..." >&2
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV) && \
		uv pip install --quiet --python $(BIN)/python --require-hashes \
			-r requirements/dev.txt && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r requirements/dev.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--no-build-isolation -e .; \
	fi
	@touch $(INSTALLED)
