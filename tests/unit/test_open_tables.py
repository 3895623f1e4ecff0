"""What a mart lets out of the house: declared counts, and columns that stay inside."""

from __future__ import annotations

import duckdb
import pytest
import yaml

from pipelines.exports.common import PublishedColumn, PublishedTable
from pipelines.exports.open_data.tables import OpenDataError, lay_out_table, read_opening
from pipelines.settings import PROJECT

COLUMNS = (
    PublishedColumn("unit_code", "VARCHAR"),
    PublishedColumn("received", "BIGINT"),
    PublishedColumn("late_arrivals", "BIGINT"),
)


def mart(**options: object) -> PublishedTable:
    return PublishedTable("marts", "rate", COLUMNS, ("unit_code",), meta={"open_data": options})


def test_a_count_that_is_not_declared_stops_the_export() -> None:
    with pytest.raises(OpenDataError, match="counts in late_arrivals"):
        read_opening(mart(counts=["received"]))


def test_an_omitted_column_stays_inside_and_withholds_nothing() -> None:
    table = mart(counts=["received"], omit=["late_arrivals"])
    switches = read_opening(table)
    assert switches is not None
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        con.execute(
            "create table lake.marts.rate as select 'U' as unit_code, 70 as received, 1 as late_arrivals"
        )
        public, withheld = lay_out_table(con, table, switches)
        assert con.execute("from open_data").fetchall() == [("U", 70, False)]
    assert ([c.name for c in public.columns], withheld) == (["unit_code", "received", "is_withheld"], 0)


def test_every_mart_that_is_open_declares_every_count_of_its_contract() -> None:
    """From the YAML alone, so that a new column is caught before a night's export stops at it."""
    open_marts = set()
    for file in sorted((PROJECT / "dbt_project" / "models" / "marts").rglob("*.yml")):
        (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
        meta = model["config"]["meta"]
        if "open_data" in meta:
            columns = tuple(PublishedColumn(c["name"], c["data_type"].upper()) for c in model["columns"])
            assert read_opening(
                PublishedTable("marts", model["name"], columns, tuple(meta["key"]), meta=meta)
            )
            open_marts.add(f"ref('{model['name']}')")
    exposures = yaml.safe_load(
        (PROJECT / "dbt_project" / "models" / "exposures.yml").read_text(encoding="utf-8")
    )
    [package] = [entry for entry in exposures["exposures"] if entry["name"] == "open_data"]
    assert open_marts == set(package["depends_on"])
