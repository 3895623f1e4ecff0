"""What the build in the warehouse was made of, so that the next one can begin from it instead of from nothing.

The note is written with the build, in the warehouse itself; the first statement of the next build removes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

import pipelines
from pipelines import duck
from pipelines.landing.batches import hash_file
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.build import BuildInputs
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.parsed import hash_project

# Beside the environment's packages, in whose names the versions stand.
PACKAGES = Path(duckdb.__file__).parents[1]


class CountingBatch(NamedTuple):
    """A batch that counts. `accepted_sha256`: of its accepted rows."""

    source: str
    batch_id: str
    accepted_sha256: str


def write_basis(con: duckdb.DuckDBPyConnection, settings: Settings, contracts: Contracts) -> None:
    con.execute("create schema if not exists raw")
    con.execute(
        "create or replace table raw.build_basis as select ? as code_sha256", [hash_code(settings, contracts)]
    )


def check_basis(con: duckdb.DuckDBPyConnection, settings: Settings, contracts: Contracts) -> None:
    """RefreshRefused where the warehouse holds no whole build by this code, these contracts and packages."""
    tables = con.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
    if not {("build_basis",), ("finished_build",)} <= set(tables):
        raise RefreshRefused("there is no finished build to begin from")
    if con.execute("from raw.build_basis").fetchone() != (hash_code(settings, contracts),):
        raise RefreshRefused(
            "models, code, contracts, settings or packages are others than those of the last build"
        )


def compare_deliveries(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, inputs: BuildInputs
) -> dict[str, str | None]:
    """Every table of accepted rows → a query of the rows of its batches that came or went since; None: none did.

    RefreshRefused where a batch that went is no longer there as it was.
    """
    before = {
        CountingBatch(*row)
        for row in con.execute(
            "select source, batch_id, accepted_sha256 from raw.batches inner join raw.batch_files "
            "using (source, batch_id) where is_current and accepted_sha256 is not null"
        ).fetchall()
    }
    reports = {(batch.source, batch.batch_id): report for batch, report in inputs.reported}
    now = {
        CountingBatch(*key, reports[key].hash_files()["accepted"])
        for batch in inputs.counting.values()
        if (key := (batch.source, batch.batch_id))
    }
    files: dict[str, list[Path]] = {}
    for batch in sorted(before ^ now):
        report = reports.get((batch.source, batch.batch_id))
        if report is None or not report.accepted.exists() or (
            batch not in now and hash_file(report.accepted) != batch.accepted_sha256
        ):  # fmt: skip
            raise RefreshRefused(f"{batch.source}, batch {batch.batch_id}: its rows of before are not there")
        files.setdefault(batch.source, []).append(report.accepted)
    return {name: _rows_sql(files.get(name, [])) for name in contracts.accepted_columns()}


def _rows_sql(files: list[Path]) -> str | None:
    listed = ", ".join(map(duck.literal, files))
    return f"from read_parquet([{listed}], union_by_name = true)" if files else None


def hash_code(settings: Settings, contracts: Contracts) -> str:
    """SHA-256 of all that a build depends on beside its batches and its moment."""
    return hash_parts(list_code(settings, contracts))


def list_code(settings: Settings, contracts: Contracts) -> Iterator[bytes]:
    yield settings.engine.encode()
    yield hash_project(settings.dbt_project).encode()
    yield contracts.model_dump_json().encode()
    yield read_canon().model_dump_json().encode()
    yield "\n".join(sorted(path.name for path in PACKAGES.glob("*.dist-info"))).encode()
    code = Path(pipelines.__file__).parent
    for file in sorted(file for kind in ("*.py", "*.sql") for file in code.rglob(kind)):
        yield f"{file.relative_to(code)}\0".encode() + file.read_bytes()


def hash_parts(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
