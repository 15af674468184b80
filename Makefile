# Needs Python 3.11 or later and make, nothing else. PYTHON=python3.12 chooses another.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ONLY ?=
ARGS ?=

.PHONY: setup run test check bench soak-faults coverage azure-conformance docs wheel lock clean

setup: $(READY)

# The stamp is touched last, so that a set-up that was cut off starts again.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed: make PYTHON=python3.11"'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: $(READY)
	$(BIN)/tripcurve run $(ARGS)

# Files in the order of tests/conftest.py: the slowest first, the others by name, so that the last ones are short.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py tests/test_circles.py tests/test_twins.py tests/test_sources.py

bench: $(READY)
	$(BIN)/python -m tests.benchmarks.run $(ONLY)

# 200 runs, each with one fault at a random instant; takes about a quarter of an hour. ARGS="--count 20 --seed 2" changes it.
soak-faults: $(READY)
	$(BIN)/python -m tests.faults.soak $(ARGS)

# The whole suite with line and branch coverage; fails below the floor in pyproject.toml.
coverage: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

# Asks your gateway on Azure what the local one answers, and writes build/azure-conformance/report.md; see docs/gateway.md.
azure-conformance: $(READY)
	$(BIN)/python -m tests.conformance.kit $(ARGS)

# The documentation as a site in build/site; a broken link is an error.
docs: $(READY)
	$(BIN)/python -m mkdocs build --quiet --strict

# Builds the wheel and the sdist, and does the main job with the wheel in an empty environment and folder.
wheel: $(READY)
	bash .ci/wheel

# Versions and hashes only: no index, no address.
lock:
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --strip-extras --no-annotate --no-header --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .hypothesis bench-results.json
