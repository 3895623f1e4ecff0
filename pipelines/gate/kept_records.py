"""Records that two deliveries have in common: counts that fell, numbers in another unit, changes without a new time.

What became of their times stands in `times.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.facts import PACKAGE, Fact
from pipelines.sources.contracts.canon import read_canon
from pipelines.sql import read_sql

# So many records are named; the rest is counted.
MOST_RECORDS = 3
# A handful varies by a correction.
LEAST_COUNT = 20
# Another unit of counting is ten times as much; a new period may double a count within days.
FACTOR = 5.0


def kept_values_sql(item: Sequence[str], value: str) -> str:
    """Of each record of both: `record`, `before`, `now`; the files are $before and $now. `value`: an aggregate."""
    return read_sql(PACKAGE, "kept_values", key=duck.join_key(item), value=value)


def list_fallen_counts(
    con: duckdb.DuckDBPyConnection, source: str, item: Sequence[str], before: list[str], now: list[str]
) -> Iterator[Fact]:
    """Per column that only grows (`grows` of the contract): by which share the count fell that fell most, of the
    records in the files of both.
    """
    canonical = read_canon().sources.get(source)
    there = set(pq.read_schema(before[-1]).names) & set(pq.read_schema(now[-1]).names)
    for column in canonical.grows if canonical else ():
        if column not in there:
            continue
        kept = kept_values_sql(item, f"max({duck.identifier(column)})")
        falls = con.execute(
            f"select record, before, now, 1 - now / before as fall from ({kept}) as kept "
            "where before >= $least and now < before order by fall desc, record",
            {"before": before, "now": now, "least": LEAST_COUNT},
        ).fetchall()
        records = [f"{record}: {earlier} → {count}" for record, earlier, count, _ in falls[:MOST_RECORDS]]
        more = [f"(+{len(falls) - MOST_RECORDS})"] if len(falls) > MOST_RECORDS else []
        details = (f"{column} {', '.join([*records, *more])}",) if falls else ()
        value, weight = (float(falls[0][3]), float(falls[0][1])) if falls else (0.0, 0.0)
        yield Fact("count_fell", f"{source}: {column}", value, weight, details)


def list_jumped_values(
    con: duckdb.DuckDBPyConnection, source: str, item: Sequence[str], before: list[str], now: list[str]
) -> Iterator[Fact]:
    """Per number of a record (`grows`, `measures` of the contract): the share of the records in the files of both
    that have more than FACTOR times as much, or less than that part of it.
    """
    canonical = read_canon().sources.get(source)
    there = set(pq.read_schema(before[-1]).names) & set(pq.read_schema(now[-1]).names)
    columns = [c for c in (*canonical.grows, *canonical.measures) if c in there] if canonical else []
    if not columns:
        return
    values = ", ".join(f"{name} := max({name})" for name in map(duck.identifier, columns))
    kept = kept_values_sql(item, f"struct_pack({values})")
    # One statement for all columns: to read two small files costs more than to compare them.
    row = con.execute(
        f"select {', '.join(map(_ratios_sql, columns))} from ({kept}) as kept",
        {"before": before, "now": now, "factor": FACTOR},
    ).fetchone()
    for column, (records, jumped, ratio) in zip(
        columns, zip(*[iter(row or ())] * 3, strict=True), strict=True
    ):
        if records:
            details = (f"{column} {jumped} of {records}, × {ratio:.3g}",) if jumped else ()
            yield Fact("values_jumped", f"{source}: {column}", jumped / records, float(jumped), details)


def _ratios_sql(column: str) -> str:
    """SQL: the records that have this number in both, those of which it jumped, and how many times as much is usual."""
    name = duck.identifier(column)
    ratio, is_there = f"(now.{name} / before.{name})", f"before.{name} > 0 and now.{name} is not null"
    is_jump = f"({ratio} > $factor or {ratio} < 1 / $factor)"
    return (
        f"count(*) filter ({is_there}), count(*) filter ({is_there} and {is_jump}), "
        f"median({ratio}) filter ({is_there})"
    )


def list_undated_changes(
    con: duckdb.DuckDBPyConnection,
    source: str,
    item: Sequence[str],
    before: list[str],
    now: list[str],
    *,
    mapped: Collection[str],
) -> Iterator[Fact]:
    """Of the records that changed, the share whose time of writing (`times.written` of the contract) did not.

    `mapped`: the columns that the place maps; one that is empty in a delivery (mapped since) is not compared.
    """
    canonical = read_canon().sources.get(source)
    filled = list_filled(before) & list_filled(now) & set(mapped)
    written = [column for column in (canonical.times.written if canonical else ()) if column in filled]
    content = sorted(filled - {*written, *item})
    if not written or not content:
        return
    columns, times = (", ".join(map(duck.identifier, names)) for names in (content, written))
    kept = kept_values_sql(
        item, f"struct_pack(content := sum(hash({columns})), written := max(greatest({times})))"
    )
    row = con.execute(
        f"select count(*), count(*) filter (now.written = before.written) from ({kept}) as kept "
        "where now.content <> before.content and now.written is not null and before.written is not null",
        {"before": before, "now": now},
    ).fetchone()
    changed, undated = row or (0, 0)
    share = undated / changed if changed else 0.0
    details = (f"{undated} of {changed}", f"`{'`, `'.join(written)}`")
    yield Fact("undated_changes", source, share, float(undated), details)


def list_filled(files: Iterable[str]) -> set[str]:
    """The columns with a value in any of these files, from their footers."""
    filled = set()
    for file in files:
        footer = pq.read_metadata(file)
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                statistics = column.statistics
                if statistics is None or not statistics.has_null_count or statistics.num_values:
                    filled.add(column.path_in_schema)
    return filled
