"""Facts of a build as a whole: how much each source delivered, how empty, how doubtful; what the marts add up to.

A fact is a number with a scope (a source, a rule of it, a column, a figure of a mart). Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import duckdb

from pipelines.gate.deliveries import Delivery
from pipelines.gate.gate_rule import GateFact
from pipelines.landing.batches import read_sidecar
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts
from pipelines.sources.contracts.source import REFERENCE_PREFIX
from pipelines.sources.notes import CHECK, name_doubt
from pipelines.sql import read_sql

PACKAGE = "pipelines.gate"


class Fact(NamedTuple):
    """`weight`: how many rows, keys or days stand behind the value; a rule may ask for more than a handful.

    `details`: days, keys or reasons, for people; `details_vi`: in Vietnamese, where they differ. `is_total`: it grows
    with time, and cannot be compared backwards.
    `days`: the partitions of the deliveries that it is of. `usual`: what deliveries before had, where the value
    is measured against them. `is_recorded`: the next release is compared with it; not what is of an older day.
    `instead`: of lost keys the first that came in their place.
    """

    fact: str
    scope: str
    value: float
    weight: float
    details: tuple[str, ...] = ()
    is_total: bool = False
    days: tuple[str, ...] = ()
    usual: float | None = None
    is_recorded: bool = True
    details_vi: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


def list_delivery_facts(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    deliveries: Sequence[Delivery],
    as_of: datetime,
    batches: str,
    checks: str,
) -> Iterator[Fact]:
    """Of every delivery that is examined: rows, rejected and flagged shares; of every source how late it is, and empty.

    `batches`, `checks`: the relations of audit.batches and audit.checks.
    """
    canon = read_canon().sources
    allowed = {
        name: max((rule.max_age_days for rule in canon[name].reports.values()), default=0)
        for name in contracts.sources
        if name in canon
    }
    examined = [delivery for delivery in deliveries if delivery.is_examined]
    query = read_sql(PACKAGE, "delivery_facts", batches=batches, checks=checks)
    parameters = {
        "as_of": as_of,
        "sources": list(contracts.sources),
        "examined": [
            {"source": d.source, "batch_id": d.batch_id, "is_newest": d.is_newest} for d in examined
        ],
        "names": list(allowed),
        "ages": list(allowed.values()),
    }
    rows = con.execute(query, parameters).fetchall()
    for fact, scope, value, weight, details, days, is_newest, details_vi in rows:
        # Of an older day only what may be a finding: a first history has many days.
        if is_newest or value:
            yield Fact(
                fact, scope, float(value), float(weight), tuple(details), days=tuple(days),
                is_recorded=is_newest, details_vi=tuple(details_vi),
            )  # fmt: skip


def list_reference_sizes(con: duckdb.DuckDBPyConnection, batches: str) -> Iterator[Fact]:
    """Of every reference table how many rows it has: units that a cut list no longer names count nowhere."""
    rows = con.execute(
        f"select source, arg_max(rows_read, (partition_key, batch_id)) from {batches} "
        "where starts_with(source, ?) and is_current group by 1 order by 1",
        [REFERENCE_PREFIX],
    ).fetchall()
    for source, count in rows:
        name = source.removeprefix(REFERENCE_PREFIX)
        yield Fact("total", f"danh mục · reference table {name}", float(count), float(count))


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


def list_delivery_doubts(
    settings: Settings, deliveries: Iterable[Delivery], before: Mapping[tuple[str, str], float]
) -> Iterator[Fact]:
    """What the pulls that are examined want somebody to look at (`pipelines/sources/notes.py`), one by one.

    One that stood in the release before and that the newest delivery no longer has is a fact of 0: it is gone.
    """
    doubts: dict[str, dict[str, list[str]]] = {}
    for delivery in deliveries:
        sidecar = delivery.find_sidecar(settings)
        if delivery.is_examined and delivery.rows and sidecar.exists():
            of_source = doubts.setdefault(delivery.source, {})
            for note in read_sidecar(sidecar).notes:
                if note.startswith(CHECK):
                    text = note.removeprefix(CHECK)
                    of_source.setdefault(name_doubt(text), [text]).append(delivery.partition)
    for source, of_source in doubts.items():
        for name, (text, *days) in of_source.items():
            yield Fact("doubts", f"{source}: {name}", 1.0, 1.0, (text,), days=tuple(days))
        for (fact, scope), value in before.items():
            name = scope.removeprefix(f"{source}: ")
            if fact == "doubts" and value and name not in (scope, *of_source):
                yield Fact("doubts", scope, 0.0, 1.0, (name,))


def list_mart_facts(
    con: duckdb.DuckDBPyConnection, gate: Mapping[str, list[GateFact]], relations: Mapping[str, str]
) -> Iterator[Fact]:
    """What each mart's `meta.gate` names; a value that is NULL is none."""
    for mart, facts in gate.items():
        for fact in facts if mart in relations else ():
            if fact.each:
                yield from _list_each(con, fact, relations[mart])
                continue
            row = con.execute(
                f"select {fact.value}, {fact.weight or fact.value} from {relations[mart]} where {fact.where}"
            ).fetchone()
            if row and row[0] is not None:
                yield Fact(fact.fact, fact.scope, float(row[0]), float(row[1] or 0), is_total=True)


def _list_each(con: duckdb.DuckDBPyConnection, fact: GateFact, relation: str) -> Iterator[Fact]:
    rows = con.execute(
        f"select {fact.of}, {fact.each}, {fact.weight or 'count(*)'} from {relation} where {fact.where} "
        f"group by 1, 2 having {fact.value} order by 1, 2"
    ).fetchall()
    for source, thing, weight in rows:
        yield Fact(fact.fact, f"{source}: {thing}", 1.0, float(weight), (str(thing),))
