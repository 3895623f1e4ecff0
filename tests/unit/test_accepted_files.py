"""What is noted once of the accepted rows of each batch: of which keys they are, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.warehouse.accepted_files import (
    AcceptedFile,
    find_unnoted_batches,
    select_batches,
    write_files,
    write_key_batches,
)

# Key A in three batches, B in the first and C in the last alone.
ROWS = [("A", 1, "b1"), ("B", 2, "b1"), ("A", 3, "b2"), ("A", 5, "b3"), ("C", 4, "b3")]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as warehouse; use warehouse; create schema raw")
        con.execute("create table raw.log (code varchar, n integer, batch_id varchar)")
        con.executemany("insert into raw.log values (?, ?, ?)", ROWS)
        write_key_batches(con, {"code": ["log"]})
        yield con


@pytest.mark.parametrize(
    ("change", "unnoted"),
    [
        ("select 1", []),
        ("delete from raw.key_batches where batch_id = 'b2'", ["b2"]),
        # Of one row alone; and one that no longer counts is nobody's matter.
        ("delete from raw.key_batches where rowid = 0", ["b1"]),
        ("delete from raw.key_batches where batch_id in ('b1', 'b3')", ["b1", "b3"]),
        ("delete from raw.key_batches where batch_id = 'b3'; "
         "update raw.batches set is_current = false where batch_id = 'b3'", []),
        ("update raw.key_batches set source = 'other'", ["b1", "b2", "b3"]),
        ("update raw.key_batches set key = 'other'", ["b1", "b2", "b3"]),
    ],
)  # fmt: skip
def test_batches_are_named_of_which_not_every_key_is_noted(
    con: duckdb.DuckDBPyConnection, change: str, unnoted: list[str]
) -> None:
    con.execute(
        "create table raw.batches as select 'log' as source, batch_id, count(*) as rows_accepted, "
        "true as is_current, true as is_accepted from raw.log group by batch_id"
    )
    con.execute(change)
    assert find_unnoted_batches(con, {"code": ["log"]}) == unnoted


def test_what_is_noted_of_one_key_and_source_leaves_others_alone(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table raw.other as select code, n::varchar as n, 'b' as batch_id from raw.log")
    keys = {"code": ["log", "other"], "n": ["log"]}
    write_key_batches(con, keys)
    # The third batch came again with one of its two rows.
    write_key_batches(con, keys, {"log": "from raw.log where code = 'A' and batch_id = 'b3'"})
    rows = con.execute(
        "select key, source, count(*) from raw.key_batches group by all order by all"
    ).fetchall()
    assert rows == [("code", "log", 4), ("code", "other", 5), ("n", "log", 4)]


def test_batches_are_read_with_the_columns_of_all_and_no_other_file_is_opened(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    columns = {"log": {"code": "varchar", "n": "bigint", "later": "date"}}
    files = []
    for name, rows in (
        ("b1", "'A' as code, 1::integer as n"),
        ("b2", "'B' as code, 2::bigint as n, date '2025-07-01' as later"),
    ):
        path = tmp_path / f"{name}.parquet"
        con.execute(f"copy (select {rows}, '{name}' as batch_id) to '{path}'")
        files.append(AcceptedFile("log", name, name, path))
    write_files(con, files, columns)
    listed = [str(file.path) for file in files]
    con.execute(
        f"drop table raw.log; create view raw.log as from read_parquet({listed}, union_by_name = true)"
    )
    whole = con.execute("describe from raw.log").fetchall()
    for batches, expected in ((["b1"], [("A", 1)]), (["b2", "gone"], [("B", 2)]), (["gone"], []), ([], [])):
        query = select_batches(con, "log", batches)
        assert con.execute(f"describe {query}").fetchall() == whole
        assert con.execute(f"select code, n from ({query})").fetchall() == expected
        assert [path for path in listed if path in query] == [
            path for path in listed if Path(path).stem in batches
        ]
    # Nor is it asked which columns it has.
    Path(listed[1]).write_bytes(b"damaged")
    for batches, expected in ((["b1"], [("A", 1)]), ([], [])):
        assert (
            con.execute(f"select code, n from ({select_batches(con, 'log', batches)})").fetchall() == expected
        )
