# make help lists the targets. The environment is made by the first target that needs it: requirements.lock for what
# uses the project, requirements-dev.lock for what tests and measures it.
PYTHON ?= python3
VENV ?= .venv
LOCK ?= requirements.lock
BIN := $(VENV)/bin
BESIDE ?= benchmarks/minilm.yaml
EVALUATION ?= ../shared/data/xquad-en-dev.json
NPM := --silent --ignore-scripts --no-audit --no-fund --no-package-lock
EXTRAS := --extra azure --extra delta --extra documents --extra spark
COMPILE = $(BIN)/uv pip compile pyproject.toml --python-version 3.11 -q --no-header --no-annotate --generate-hashes
UPGRADE ?= --upgrade
SEED ?= 1
SECONDS ?= 600
KILLS ?= 100
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help demo test long fuzz soak kill audit test-compat lint bench walk mutants office gate quality docs lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/ready  ## The whole main job on this machine: train, register, ask, Spark [PROFILE=openai]
	@python examples/demo.py $(PROFILE)

test: $(VENV)/ready-dev lint node_modules  ## Lint, types, import directions, and all tests
	python -m pytest -n 2

long: $(VENV)/ready-dev  ## The tests that take more than a minute each
	python -m pytest -n 2 -m long

test-compat:  ## The contract's tests on pandas 2
	$(MAKE) VENV=.venv-compat LOCK=requirements-compat.lock .venv-compat/ready
	.venv-compat/bin/python -m pytest -n 2 tests/end_to_end/test_contract.py tests/model/contract/test_requests.py tests/training/packaging/test_requirements.py

lint: $(VENV)/ready-dev  ## ruff, mypy, import-linter, and names that say nothing
	ruff check .
	ruff format --check .
	mypy model training serving commandline standin
	lint-imports
	python .ci/lint_names.py

fuzz: $(VENV)/ready-dev  ## 10,000 generated requests through each door; only documented answers may come [SEED=1]
	python -m pytest -n 2 --dist load --timeout 0 --hypothesis-profile fuzz --hypothesis-seed $(SEED) tests/end_to_end/test_generated_requests.py

soak: $(VENV)/ready-dev  ## Mixed requests, faults and restarts of a server; memory, threads and files [SECONDS=600]
	@python benchmarks/soak.py $(SECONDS)

kill: $(VENV)/ready-dev  ## Random kills of runs, updates and promotions; nothing may be lost [KILLS=100 SEED=1]
	@PYTHONPATH=. python benchmarks/kills.py $(KILLS) $(SEED)

audit: $(VENV)/ready-dev  ## Known vulnerabilities of the locks; 3 is the exit code when not all could be checked
	@python benchmarks/audit.py requirements.lock requirements-dev.lock

bench: $(VENV)/ready-dev  ## Medians of starting, answering, indexing, searching, and of the engine beside others
	@python benchmarks/bench.py

walk: $(VENV)/ready-dev  ## Files entered and hops from file to file: a question, documents to an index, a promotion
	@python benchmarks/walk.py offline 2>/dev/null
	@python benchmarks/walk.py openai 2>/dev/null

mutants: $(VENV)/ready-dev  ## Whether the tests notice forty changes of the code, drawn by a seed; about half an hour
	@python benchmarks/mutants.py

office: $(VENV)/ready-dev  ## Questions over an office's files of all kinds: found among the first four, answered right
	@PYTHONPATH=. python benchmarks/office.py -v

gate: $(VENV)/ready-dev  ## Whether the gate refuses planted worse versions, and lets pass the same [EVALUATION=FILE]
	@python benchmarks/gate.py 20 100 $(EVALUATION)

quality: $(VENV)/ready-dev  ## Quality tables of the offline profile on the development set [EVALUATION=FILE BESIDE=PROFILE]
	@python -m training evaluate --evaluation $(EVALUATION) --beside $(BESIDE)

docs: $(VENV)/ready-dev  ## Write the generated parts of docs/
	python -m docs.generate

lock: $(VENV)/ready-dev  ## Resolve the newest versions into the three locks and conda.yaml [UPGRADE= keeps what is pinned]
	$(COMPILE) $(UPGRADE) -o requirements-dev.lock $(EXTRAS) --extra dev
	$(COMPILE) -c requirements-dev.lock -o requirements.lock $(EXTRAS)
	printf 'pandas<3\n' > .compat.in && grep -o '^[^ ]*==[^ ]*' requirements-dev.lock | sed '/^pandas==/d' >> .compat.in
	$(COMPILE) -c .compat.in -o requirements-compat.lock $(EXTRAS) --extra dev
	rm .compat.in
	python -m docs.generate

clean:  ## Remove environments, stores and caches
	rm -rf .venv .venv-compat node_modules mlflow.db embeddings.db mlruns index multichain.png .mypy_cache .ruff_cache .pytest_cache .hypothesis

node_modules: package.json
	if command -v npm >/dev/null; then npm install $(NPM) || npm install $(NPM); fi
	@mkdir -p $@ && touch $@

$(VENV)/ready: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { echo "multichain needs Python 3.11 or 3.12; name one with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep -o '^uv==[^ ]*' requirements-dev.lock)"
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --compile-bytecode -r $(LOCK)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --compile-bytecode -r requirements-dev.lock
	@touch $@
