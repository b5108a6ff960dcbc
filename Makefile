# Every target sets up what it needs; `make demo` and `make test` work on a fresh clone.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: help demo test check coverage fuzz crash histories memory bench bench-data bench-peers bench-secrets schemas artifacts lock clean
help:
	@echo "make demo   compile and run platform-examples/02-flights"
	@echo "make test   the whole test suite, with lint, types and import contracts"
	@echo "make check  lint, types and import contracts alone"
	@echo "make coverage  the same tests, and which lines they go through: twice as slow"
	@echo "make fuzz   a hundred thousand hostile inputs for the compiler"
	@echo "make crash  three thousand kill points of a run, and what it comes to when it is resumed; takes half an hour"
	@echo "make histories  incremental flows over many days, killed and hindered, row by row; takes an hour"
	@echo "make memory tables of more than ten times the memory, from and to every connector; takes a quarter of an hour"
	@echo "make bench  the benchmarks"
	@echo "make bench-data  moving rows beside bare DuckDB, dlt, ConnectorX, sling and ingestr; installs them; ROWS, FLAGS"
	@echo "make bench-secrets  the secret scanner beside detect-secrets, on a labelled corpus"
	@echo "make bench-peers  the compiler beside dbt, SQLMesh and Meltano; installs them, and takes minutes"

.venv/ready: requirements.lock schemas/pyproject.toml compiler/pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e schemas -e compiler -e runtime
	@touch $@

demo: .venv/ready
	@$(BIN)/python platform-examples/02-flights/fetch_data.py
	@cd platform-examples/02-flights && ../../$(BIN)/firn compile flow.yaml --env local -o platform/local/compiled_artifacts.json
	@cd platform-examples/02-flights && ../../$(BIN)/firn run platform/local/compiled_artifacts.json
	@cd platform-examples/02-flights && ../../$(BIN)/python show.py

# several, since servers are waited for as much as they work
WORKERS ?= 4
test: check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

coverage: .venv/ready
	$(BIN)/python -m pytest --cov --cov-report=term

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports --no-cache

fuzz: .venv/ready
	@PYTHONPATH=tests nice -n 10 $(BIN)/python tests/fuzz/fuzz.py --count 100000

crash: .venv/ready
	@FIRN_CRASH=1 $(BIN)/python -m pytest -q tests/crash/test_faults.py tests/crash/test_plugs.py tests/crash/test_recovery.py
	@PYTHONPATH=tests nice -n 10 $(BIN)/python tests/crash/harness.py

histories: .venv/ready
	@PYTHONPATH=tests nice -n 10 $(BIN)/python tests/histories/harness.py

memory: .venv/ready
	@FIRN_MEMORY=1 nice -n 10 $(BIN)/python -m pytest -q -s tests/memory

bench: .venv/ready
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/state.py
	@$(BIN)/python benchmarks/steps.py
	@echo "make bench-peers compares the compiler with dbt, SQLMesh and Meltano"

ROWS ?= 1000000
bench-data: .venv/ready
	@$(BIN)/python benchmarks/data.py --rows $(ROWS) $(FLAGS)

bench-peers: .venv/ready
	@$(BIN)/python benchmarks/peers.py
	@$(BIN)/python benchmarks/steps.py --peers

bench-secrets: .venv/ready
	@$(BIN)/python benchmarks/secrets/run.py
	@$(BIN)/python benchmarks/secrets/run.py --clean

schemas: .venv/ready
	$(BIN)/firn schema -o schemas
	$(BIN)/python -c 'from firn_runtime.run import FEATURES; print(*FEATURES)' | \
		$(BIN)/python -m firn_compiler.reference docs

artifacts: .venv/ready
	$(MAKE) -C platform-examples artifacts FIRN=$(CURDIR)/$(BIN)/firn

lock:
	uv lock
	uv export --frozen --no-emit-workspace --no-header --no-annotate -q -o requirements.lock

clean:
	rm -rf .venv .bench
