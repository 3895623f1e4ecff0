# Two commands on a fresh machine: `make run`, `make test`. Everything is installed into .venv from
# requirements.lock (pinned with hashes); everything written lies under $THONGSUOT_DATA (./data).
PYTHON ?= python3
BIN := .venv/bin

export THONGSUOT_DATA ?= $(CURDIR)/data
export DO_NOT_TRACK = 1
export GX_ANALYTICS_ENABLED = false

.PHONY: help install run ui superset test test-full test-bi lint bench docs pictures lock spark-lock superset-lock clean install-spark test-spark

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "Python 3.11 to 3.13 is needed"'
	$(PYTHON) -m venv .venv
	# --no-deps: the lock is complete, so pip need not resolve anything.
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	# Also where the environment forbids Python to do so itself: uncompiled, every start costs ten seconds more.
	-$(BIN)/python -m compileall -q .venv pipelines >/dev/null
	# What follows from the code alone, kept in .venv for every data directory: it costs more than a small province.
	-$(BIN)/python -m pipelines.warehouse.compiled
	-$(BIN)/python -m pipelines.defs.dbt_specs
	-$(BIN)/python -m pipelines.runs.empty_store
	@touch $@

install: .venv/installed ## the virtual environment, from the lock

run: install ## demo province → release, then the headline
	$(BIN)/thongsuot demo
	$(BIN)/thongsuot run
	$(BIN)/thongsuot status

ui: install ## Dagster on http://127.0.0.1:3000, on the same data
	$(BIN)/thongsuot ui

.venv-superset/installed: bi/superset/requirements.lock
	$(PYTHON) -m venv .venv-superset
	.venv-superset/bin/pip install --quiet --no-deps --require-hashes -r bi/superset/requirements.lock
	@touch $@

superset: install .venv-superset/installed ## dashboards on http://127.0.0.1:8088, on the newest release
	$(BIN)/thongsuot superset

.venv-spark/installed: deploy/spark/requirements.lock
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install --quiet --no-deps --require-hashes -r deploy/spark/requirements.lock
	@touch $@

install-spark: .venv-spark/installed ## Apache Spark beside it, for THONGSUOT_ENGINE=spark (Java 17 or newer is yours to install)

# Folders in memory where there is room: tests/support/temp_root.py.
SUITE = PYTEST_DEBUG_TEMPROOT=$${PYTEST_DEBUG_TEMPROOT:-$$($(BIN)/python -m tests.support.temp_root)} \
  $(BIN)/python -m pytest -n 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

# PYTEST_FLAGS='--seconds tests/seconds.csv' writes down where the time went.
test: install $(if $(CI_SLOW),.venv-superset/installed .venv-spark/installed) ## the whole test suite; two workers, a module stays on one
	$(SUITE) $(PYTEST_FLAGS)

test-full: install ## the large instances of what `make test` tries: every crash boundary, many examples
	$(SUITE) -m full

test-bi: install .venv-superset/installed ## real Superset, browser and ODBC client; fails where one is missing
	THONGSUOT_BI=on $(BIN)/python -m pytest tests/bi

test-spark: install install-spark ## a real Spark master with two workers: every table and hash equal to DuckDB's
	THONGSUOT_TEST_SPARK=on $(BIN)/python -m pytest tests/spark

lint: install ## ruff, mypy, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar dbt_project
	$(BIN)/sqlfluff lint --disable-progress-bar --exclude-rules AM04,RF02,RF04,ST06,ST07,AL03 pipelines

# Each writes its figures to benchmarks/results.json; a topic that is not measured again stays as it was.
BENCHMARKS ?= __main__ pulling backfill validation gate marts history releases readers
bench: install ## beside what a user would write, and each part on its own: one table, docs/speed.md with its plot
	set -e; for one in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$one; done
	$(BIN)/python -m benchmarks.report

docs: install ## docs/marts.md and the dbt site, one file that needs no internet
	$(BIN)/thongsuot docs --site

pictures: install ## the pictures of README and docs, from what the newest release shows
	$(BIN)/python -m scripts.make_pictures

lock: ## after changing dependencies (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra dev --python-version 3.11 pyproject.toml -o requirements.lock

spark-lock: ## after changing deploy/spark/requirements.in (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 deploy/spark/requirements.in -o deploy/spark/requirements.lock

superset-lock: ## after changing bi/superset/requirements.in (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 bi/superset/requirements.in -o bi/superset/requirements.lock

clean: ## removes the data directory's derived parts; landing stays
	rm -rf $(THONGSUOT_DATA)/quality $(THONGSUOT_DATA)/warehouse.duckdb $(THONGSUOT_DATA)/dbt
