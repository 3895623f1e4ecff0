"""Schemas `raw` and `seeds` of the warehouse as folders of Parquet that Spark reads: accepted files by a link, the rest
copied.

A folder, not a list of files: ten years of nights are thousands of names.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipelines import duck
from pipelines.settings import Settings

# DuckDB's type → Spark's.
TYPES = {
    "VARCHAR": "string", "BIGINT": "bigint", "INTEGER": "int", "SMALLINT": "smallint", "DOUBLE": "double",
    "FLOAT": "float", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp_ntz", "HUGEINT": "decimal(38,0)",
}  # fmt: skip
DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def translate_type(kind: str) -> str:
    """DuckDB's name of a type → Spark's; KeyError for one that no table of ours has."""
    if kind.endswith("[]"):
        return f"array<{translate_type(kind[:-2])}>"
    if match := DECIMAL.fullmatch(kind):
        return f"decimal({match.group(1)},{match.group(2)})"
    return TYPES[kind]


def write_layout(
    con: duckdb.DuckDBPyConnection, settings: Settings, schemas: tuple[str, ...], folder: Path
) -> list[dict[str, Any]]:
    """Every table and view of these schemas under `folder`; each as the job's plan names it."""
    relations = con.execute(
        "select table_schema, table_name, table_type = 'VIEW' from information_schema.tables "
        "where list_contains(?, table_schema) order by all",
        [list(schemas)],
    ).fetchall()
    accepted = list_accepted(con, settings)
    tables = []
    for schema, name, is_view in relations:
        location = folder / schema / name
        location.mkdir(parents=True)
        relation = duck.identifier(schema, name)
        if is_view:
            for number, file in enumerate(accepted.get(name, ())):
                link_file(file, location / f"{number:06d}.parquet")
        else:
            target = duck.literal(location / "rows.parquet")
            con.execute(f"copy (from {relation}) to {target} {duck.PARQUET}")
        columns = {
            str(row[0]): translate_type(str(row[1])) for row in con.execute(f"describe {relation}").fetchall()
        }
        tables.append({"schema": schema, "name": name, "location": str(location), "columns": columns})
    return tables


def list_accepted(con: duckdb.DuckDBPyConnection, settings: Settings) -> Mapping[str, list[Path]]:
    """Source → the accepted files of the batches that count, as the views of `raw` read them."""
    files: dict[str, list[Path]] = {}
    for source, day, batch_id in con.execute(
        "select source, partition_key::varchar, batch_id from raw.batches where is_current order by all"
    ).fetchall():
        file = settings.quality / source / day / f"{batch_id}.accepted.parquet"
        if file.exists():
            files.setdefault(source, []).append(file)
    return files


def link_file(file: Path, link: Path) -> None:
    """A second name of the same bytes; a copy where the file system has no such thing."""
    try:
        os.link(file.resolve(), link)
    except OSError:
        shutil.copyfile(file, link)
