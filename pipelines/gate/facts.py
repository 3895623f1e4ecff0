"""Facts of a build as a whole: how much each source delivered, how empty, how doubtful; what the marts add up to.

A fact is a number with a scope (a source, a rule of it, a column, a figure of a mart). Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.gate_rule import GateFact
from pipelines.landing.batches import read_sidecar
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts
from pipelines.sources.notes import CHECK
from pipelines.sql import read_sql

PACKAGE = "pipelines.gate"
# A column without a value in so many of its rows has none: a few rows may have been typed by hand.
EMPTIED = 0.98
# What is rare (a refusal) is neither filled nor emptied; it is not compared.
FILLED = 0.5


class Fact(NamedTuple):
    """`weight`: how many rows, keys or days stand behind the value; a rule may ask for more than a handful.

    `details`: days or keys, for people. `is_total`: it grows with time, and cannot be compared backwards.
    """

    fact: str
    scope: str
    value: float
    weight: float
    details: tuple[str, ...] = ()
    is_total: bool = False


def list_delivery_facts(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, as_of: datetime, batches: str, checks: str
) -> Iterator[Fact]:
    """Of the newest delivery of every source: rows, rejected and flagged shares, how late, how many empty days.

    `batches`, `checks`: the relations of audit.batches and audit.checks.
    """
    canon = read_canon().sources
    allowed = {
        name: max((rule.max_age_days for rule in canon[name].reports.values()), default=0)
        for name in contracts.sources
        if name in canon
    }
    query = read_sql(PACKAGE, "delivery_facts", batches=batches, checks=checks)
    parameters = {
        "as_of": as_of,
        "sources": list(contracts.sources),
        "may_be_empty": [source.name for source in contracts.sources.values() if source.may_be_empty],
        "names": list(allowed),
        "ages": list(allowed.values()),
    }
    for fact, scope, value, weight, details in con.execute(query, parameters).fetchall():
        yield Fact(fact, scope, float(value), float(weight), tuple(details or ()))


def list_missing_days(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, since: datetime, as_of: datetime, batches: str
) -> Iterator[Fact]:
    """Days after the release before, up to as_of, for which a daily source delivered no rows."""
    days = [since.date() + timedelta(days=n + 1) for n in range((as_of.date() - since.date()).days)]
    for source in contracts.sources.values():
        if source.partitioning != "change_day" or source.may_be_empty:
            continue
        delivered: set[date] = {
            day
            for (day,) in con.execute(
                f"select partition_key from {batches} where source = ? and is_current and rows_accepted > 0",
                [source.name],
            ).fetchall()
        }
        newest = max(delivered, default=since.date())
        missing = [str(day) for day in days if day not in delivered and day <= newest]
        yield Fact("days_missing", source.name, len(missing), len(missing), tuple(missing))


def list_empty_columns(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, settings: Settings, batches: str
) -> Iterator[Fact]:
    """Share of empty values per column of the newest delivery, from the footers of its file: no row is read."""
    newest = con.execute(
        f"select source, max_by(partition_key, partition_key)::varchar, max_by(batch_id, partition_key) "
        f"from {batches} where is_current and rows_accepted > 0 group by all order by all"
    ).fetchall()
    for name, day, batch in newest:
        path = settings.quality / name / day / f"{batch}.accepted.parquet"
        if name not in contracts.sources or not path.exists():
            continue
        mapped = {column.name for column in contracts.sources[name].columns if column.mapped}
        for column, empty, rows in con.execute(
            "select path_in_schema, sum(stats_null_count), sum(num_values) from parquet_metadata(?) "
            "group by all order by all",
            [str(path)],
        ).fetchall():
            if column in mapped and rows and empty is not None:
                share = float(empty / rows)
                yield Fact("empty_share", f"{name}.{column}", share, float(empty))
                # Between two days of a log a share swings; only what is gone altogether tells of a fault.
                details = (f"{share:.0%}",)
                if share >= EMPTIED or share <= FILLED:
                    value = float(share >= EMPTIED)
                    yield Fact("empty_column", f"{name}.{column}", value, float(empty), details)


def list_delivery_doubts(con: duckdb.DuckDBPyConnection, settings: Settings, batches: str) -> Iterator[Fact]:
    """What the pull of each source's newest delivery wants somebody to look at (`pipelines/sources/notes.py`)."""
    newest = con.execute(
        f"select source, max(partition_key)::varchar, max_by(batch_id, partition_key) from {batches} "
        f"where is_current group by all order by all"
    ).fetchall()
    for name, day, batch_id in newest:
        sidecar = settings.landing / name / day / f"{batch_id}.json"
        notes = read_sidecar(sidecar).notes if sidecar.exists() else ()
        doubts = tuple(note.removeprefix(CHECK) for note in notes if note.startswith(CHECK))
        if doubts:
            yield Fact("doubts", name, len(doubts), len(doubts), doubts)


def list_mart_facts(
    con: duckdb.DuckDBPyConnection, gate: Mapping[str, list[GateFact]], relations: Mapping[str, str]
) -> Iterator[Fact]:
    """What each mart's `meta.gate` names; a value that is NULL is none."""
    for mart, facts in gate.items():
        for fact in facts if mart in relations else ():
            row = con.execute(
                f"select {fact.value}, {fact.weight or fact.value} from {relations[mart]} where {fact.where}"
            ).fetchone()
            if row and row[0] is not None:
                yield Fact(fact.fact, fact.scope, float(row[0]), float(row[1] or 0), is_total=True)


def count_lost_keys(
    con: duckdb.DuckDBPyConnection,
    source: str,
    item: tuple[str, ...],
    before: list[str],
    now: list[str],
    *,
    is_fixed: bool = False,
) -> Iterator[Fact]:
    """Of the keys in the files `before`, the share that `now` no longer has; of a fixed list their number too."""
    columns = ", ".join(duck.identifier(column) for column in item)
    key = "concat_ws('|', " + ", ".join(duck.identifier(column) for column in item) + ")"
    query = read_sql(PACKAGE, "lost_keys", columns=columns, key=key)
    row = con.execute(query, {"before": before, "now": now}).fetchone()
    if row and row[0]:
        keys, lost, examples = row
        yield Fact("keys_lost_share", source, lost / keys, float(lost), tuple(examples or ()))
        if is_fixed:
            yield Fact("fixed_keys_lost", source, float(lost), float(lost), tuple(examples or ()))


def count_keys(
    con: duckdb.DuckDBPyConnection,
    source: str,
    item: tuple[str, ...],
    landing: Path,
    delivery: tuple[str, str],
) -> Iterator[Fact]:
    """How many keys a whole list has as it was landed, rejected rows too; `delivery`: partition, batch.

    A column of the key that the place does not map tells no row from another.
    """
    day, batch = delivery
    path = landing / source / day / f"{batch}.parquet"
    if not path.exists():
        return
    landed = set(pq.read_schema(path).names)
    columns = ", ".join(duck.identifier(column) for column in item if column in landed)
    if not columns:
        return
    row = con.execute(
        f"select count(*) from (select distinct {columns} from read_parquet(?))", [str(path)]
    ).fetchone()
    if row:
        yield Fact("keys", source, float(row[0]), float(row[0]))
