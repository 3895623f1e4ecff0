"""A failed build names the rows at fault, the deliveries that they rest on, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.warehouse import failures
from pipelines.warehouse.compiled import Compiled, DataTest
from pipelines.warehouse.dbt import NodeResult

TEST, MODEL, SOURCE = "test.p.unique_dim_unit.1", "model.p.dim_unit.v1", "source.p.raw.reference_units"
MANIFEST = {
    "nodes": {
        TEST: {"resource_type": "test", "name": "unique_dim_unit", "column_name": "unit_code",
               "description": "EN One row per unit. / VI Mỗi đơn vị một dòng.", "depends_on": {"nodes": [MODEL]}},
        MODEL: {"resource_type": "model", "name": "dim_unit", "depends_on": {"nodes": [SOURCE]}},
    },
    "sources": {SOURCE: {"resource_type": "source"}},
}  # fmt: skip


def test_rows_deliveries_and_the_next_step_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    settings.dbt_target.mkdir(parents=True)
    (settings.dbt_target / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema raw; create schema marts")
        con.execute(
            "create table raw.batches as select 'reference_units' as source, date '2025-08-06' as partition_key, "
            "'b7' as batch_id, 'units.csv sha256:1' as origin, 3 as rows_accepted, true as is_current"
        )
        con.execute(
            "create table marts.dim_unit as select * from (values ('U1'), ('U2'), ('U2')) as t (unit_code)"
        )
    query = "select unit_code, count(*) as copies from marts.dim_unit group by 1 having count(*) > 1"
    compiled = Compiled([], {TEST: DataTest([MODEL], query)})
    monkeypatch.setattr(failures, "read_compiled", lambda settings: compiled)
    results = [
        NodeResult(TEST, "fail", 0.1, "Got 1 results, configured to fail if != 0", 1),
        NodeResult(MODEL, "success", 0.1, "", 0),
    ]
    text = failures.describe_failures(settings, results)
    assert text.startswith(
        "dbt: 1 of 2 nodes failed; nothing is published, the last release is still served."
    )
    assert "- dim_unit.unit_code: 1 rows against the test `unique_dim_unit` (One row per unit.)" in text
    assert "    unit_code=U2, copies=2" in text
    assert (
        "    reference_units: newest delivery 2025-08-06, batch b7 (3 rows) from units.csv sha256:1" in text
    )
    assert (
        "`thongsuot sources check NAME --partition DAY`" in text and "keeps the build for inspection" in text
    )


def test_a_model_that_could_not_be_built_speaks_for_itself(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    settings.dbt_target.mkdir(parents=True)
    (settings.dbt_target / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema raw")
        con.execute("create table raw.batches (source varchar, partition_key date, batch_id varchar, origin varchar, "
                    "rows_accepted bigint, is_current boolean)")  # fmt: skip
    text = failures.describe_failures(settings, [NodeResult(MODEL, "error", 0.1, "Conversion Error: x", 0)])
    assert "- dim_unit.v1: error, Conversion Error: x" in text
