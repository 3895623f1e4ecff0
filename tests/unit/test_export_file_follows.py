"""`marts.duckdb` out of the file of before: the same tables, rows and comments as one that is written from nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb

from pipelines.exports.marts_duckdb import EXPORT, marts_file, write_marts_file
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported import list_entries, record_export
from pipelines.lake.ledger import find_release, list_releases
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, prune_first, released

Described = dict[str, tuple[Counter[tuple[object, ...]], list[tuple[object, ...]]]]


COLUMNS = (
    "select column_name, data_type, is_nullable, comment from duckdb_columns() "
    "where schema_name || '.' || table_name = ? order by column_index"
)


def read_file(path: Path) -> Described:
    """Table → its rows, and its columns with types and comments."""
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() order by all"
        ).fetchall()
        return {
            name: (
                Counter(con.execute(f"from {name}").fetchall()),
                [(comment,), *con.execute(COLUMNS, [name]).fetchall()],
            )
            for name, comment in tables
        }


def write_anew(settings: Settings) -> Described:
    path = marts_file(settings)
    kept = path.rename(path.with_suffix(".kept"))
    write_marts_file(settings)
    described = read_file(path)
    kept.replace(path)
    return described


def numbers(rows: dict[int, int | None], more: str = "") -> SampleMart:
    values = ", ".join(f"({code}, {'null' if n is None else n}::bigint)" for code, n in rows.items())
    return SampleMart(
        f"select code, n{more} from (values {values}) as t (code, n)", ("code",),
        description="EN Numbers. / VI Số.", columns={"n": "EN A number. / VI Một số."},
    )  # fmt: skip


def test_each_release_gives_the_file_that_it_gives_alone(settings: Settings) -> None:
    rows: dict[int, int | None] = dict.fromkeys(range(40), 0)
    released(settings, {"marts.numbers": numbers(rows), "marts.old": numbers(rows)})
    export(settings)
    rows = {**rows, 3: None, 50: 1}
    del rows[7]
    reworded = numbers(rows)._replace(description="EN Again. / VI Lại.")
    released(settings, {"marts.numbers": numbers(rows), "marts.old": reworded, "marts.fresh": numbers(rows)})
    export(settings)
    assert read_file(marts_file(settings)) == write_anew(settings)
    assert read_file(marts_file(settings))["main.numbers"][0] == Counter(rows.items())
    wider = numbers(rows, ", 'x' as letter")._replace(columns={"n": "EN Other words. / VI Lời khác."})
    released(settings, {"marts.numbers": wider, "marts.fresh": numbers({**rows, 3: 3})})
    export(settings)
    described = read_file(marts_file(settings))
    assert described == write_anew(settings)
    assert {"main.numbers", "main.fresh"} <= described.keys() and "main.old" not in described


def test_only_what_changed_is_written_and_a_file_that_lacks_rows_is_made_whole(settings: Settings) -> None:
    rows: dict[int, int | None] = dict.fromkeys(range(40), 0)
    released(settings, {"marts.numbers": numbers(rows), "marts.calm": numbers({1: 1})})
    export(settings)
    # On record as if it were an export's: it shows what is left alone.
    edit_file(settings, "update numbers set n = 77 where code = 5")
    released(settings, {"marts.numbers": numbers({**rows, 3: 9}), "marts.calm": numbers({1: 1})})
    export(settings)
    there = read_file(marts_file(settings))["main.numbers"][0]
    assert there == Counter({**rows, 3: 9, 5: 77}.items())
    edit_file(settings, "delete from numbers where code = 1; drop table calm")
    draft = marts_file(settings).with_suffix(".partial")
    for name in (draft.name, f"{draft.name}.wal"):  # of an export that was killed
        draft.with_name(name).write_bytes(b"half")
    released(settings, {"marts.numbers": numbers({**rows, 3: 10}), "marts.calm": numbers({1: 1})})
    export(settings)
    assert read_file(marts_file(settings)) == write_anew(settings)
    assert not [path for path in settings.exports.iterdir() if "partial" in path.name]


def test_a_file_that_lags_is_written_though_what_came_after_it_was_pruned(settings: Settings) -> None:
    rows: dict[int, int | None] = dict.fromkeys(range(40), 0)
    for number in (1, 2):
        released(settings, {"marts.numbers": numbers({**rows, 3: number})})
    export(settings)
    released(settings, {"marts.numbers": numbers({**rows, 3: 3})})
    prune_first(settings)
    export(settings)
    assert read_file(marts_file(settings)) == write_anew(settings)


def test_a_file_that_lags_is_written_though_a_table_was_made_anew(settings: Settings) -> None:
    rows: dict[int, int | None] = dict.fromkeys(range(40), 0)
    released(settings, {"marts.numbers": numbers(rows)})
    export(settings)
    released(settings, {"marts.numbers": numbers({**rows, 3: 2}, ", 'x' as letter")})
    released(settings, {"marts.numbers": numbers({**rows, 3: 3})})
    export(settings)
    assert read_file(marts_file(settings)) == write_anew(settings)


def test_rows_of_a_file_that_is_not_what_was_recorded_are_not_taken_over(settings: Settings) -> None:
    """Somebody writes to it after it was looked at: its ledger too, of which no release holds a content hash."""
    rows: dict[int, int | None] = dict.fromkeys(range(40), 0)
    released(settings, {"marts.numbers": numbers(rows)})
    export(settings)
    with duckdb.connect(str(marts_file(settings))) as con:
        con.execute("update audit.releases set reason = 'other'; update numbers set n = 77 where code = 5")
    released(settings, {"marts.numbers": numbers({**rows, 3: 9})})
    export(settings)
    assert read_file(marts_file(settings)) == write_anew(settings)


def export(settings: Settings) -> None:
    result = write_marts_file(settings)
    record_export(settings, EXPORT.name, marts_file(settings), result.list_files(), result.release)


def edit_file(settings: Settings, sql: str) -> None:
    """As if the export had written it so."""
    with duckdb.connect(str(marts_file(settings))) as con:
        con.execute(sql)
    entry = list_entries(settings)[-1]
    with open_lake(settings) as con:
        release = find_release(list_releases(con), entry.release_id)
    record_export(settings, EXPORT.name, marts_file(settings), [marts_file(settings)], release)
