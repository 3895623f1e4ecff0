"""tests/golden/rows.csv: province, table, rows."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

GOLDEN = Path(__file__).with_name("rows.csv")
Counts = dict[str, int]


def count_rows(data: Path) -> Counts:
    """schema.table → rows of the newest release's read-only file; what tells of releases themselves aside."""
    with duckdb.connect(str(data / "exports" / "marts.duckdb"), read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('main', 'audit') and table_name not like 'release%' order by 1"
        ).fetchall()
        # The marts are the file's own tables.
        return {
            name.replace("main.", "marts."): con.execute(f"select count(*) from {name}").fetchall()[0][0]
            for (name,) in tables
        }


def read_golden(province: str) -> Counts:
    return _read().get(province, {})


def write_golden(province: str, counts: Counts) -> None:
    """Replace the rows of one province; the other stays."""
    provinces = {**_read(), province: counts}
    with GOLDEN.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["province", "table", "rows"])
        for name in sorted(provinces):
            writer.writerows((name, table, rows) for table, rows in sorted(provinces[name].items()))


def _read() -> dict[str, Counts]:
    if not GOLDEN.exists():
        return {}
    provinces: dict[str, Counts] = {}
    with GOLDEN.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            provinces.setdefault(row["province"], {})[row["table"]] = int(row["rows"])
    return provinces
