"""The gate: a finished build beside the release before and beside what was expected of its sources.

Here the facts are gathered and the rules asked. What a verdict leads to (publish, hold) is the releases' affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from pipelines.gate.evaluate import Comparand, Verdict, evaluate_release
from pipelines.gate.facts import (
    Fact,
    count_keys,
    count_lost_keys,
    list_delivery_doubts,
    list_delivery_facts,
    list_empty_columns,
    list_mart_facts,
    list_missing_days,
)
from pipelines.gate.gate_rule import read_gate_facts
from pipelines.gate.history import read_histories
from pipelines.gate.release_rules import read_release_rules
from pipelines.lake import inputs
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release, table_exists
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts, Source, load_contracts

BATCHES, CHECKS = "audit.batches", "audit.checks"
# (partition, batch)
Delivery = tuple[str, str]


class GateResult(NamedTuple):
    """What was measured, and what the rules say of it."""

    facts: list[Fact]
    verdicts: list[Verdict]

    def accepted(self) -> GateResult:
        """The same, published against what holds it."""
        return GateResult(
            self.facts,
            [v._replace(outcome="accepted") if v.outcome == "held" else v for v in self.verdicts],
        )

    @property
    def reasons_to_hold(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.outcome == "held"]


def examine_build(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    chain: Sequence[Release],
    as_of: datetime,
    relations: Mapping[str, str],
) -> GateResult:
    """`relations`: table → relation of the build; one without the bookkeeping of batches has nothing to examine.

    `chain`: the releases before, oldest first.
    """
    if BATCHES not in relations or CHECKS not in relations:
        return GateResult([], [])
    contracts = load_contracts(settings.sources_file)
    previous = chain[-1] if chain else None
    facts = [
        *list_delivery_facts(con, contracts, as_of, relations[BATCHES], relations[CHECKS]),
        *list_delivery_doubts(con, settings, relations[BATCHES]),
        *list_empty_columns(con, contracts, settings, relations[BATCHES]),
        *list_mart_facts(con, read_gate_facts(settings.dbt_target / "manifest.json"), relations),
        *compare_keys(con, settings, contracts, previous, relations[BATCHES]),
    ]
    if previous:
        facts += list_missing_days(con, contracts, previous.as_of, as_of, relations[BATCHES])
    verdicts = evaluate_release(
        read_release_rules(contracts.gate),
        facts,
        Comparand(
            _read_facts(con, previous) if previous else {},
            read_histories(con, chain),
            as_of,
            is_backwards=bool(previous and as_of < previous.as_of),
            is_first=previous is None,
        ),
    )
    return GateResult(facts, verdicts)


def _read_facts(con: duckdb.DuckDBPyConnection, release: Release) -> dict[tuple[str, str], float]:
    """(fact, scope) → value, as that release recorded it; of a restored one, those of the state it restores."""
    if not table_exists(con, "audit", "release_facts"):
        return {}
    rows = con.execute(
        f"select fact, scope, value from {ALIAS}.audit.release_facts where release_id = ?",
        [release.restores or release.release_id],
    ).fetchall()
    return {(fact, scope): value for fact, scope, value in rows}


def compare_keys(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Contracts,
    previous: Release | None,
    batches: str,
) -> Iterator[Fact]:
    """Whole lists against the newest one that counted in the release before; days pulled again against theirs.

    Before there is a release, against the accepted list of the day before. What was withdrawn since is no measure
    of anything: what it had replaced is.
    """
    withdrawn = find_withdrawn(settings.landing)
    counted: dict[str, list[Delivery]] = {}
    for batch in inputs.list_inputs(con, previous.restores or previous.release_id) if previous else ():
        if batch.standing in ("current", "superseded") and (batch.source, batch.batch_id) not in withdrawn:
            counted.setdefault(batch.source, []).append((batch.partition, batch.batch_id))
    for source in contracts.sources.values():
        rows = con.execute(
            f"select partition_key::varchar, batch_id, is_current, rows_accepted from {batches} "
            "where source = ? and is_accepted order by partition_key, batch_id",
            [source.name],
        ).fetchall()
        empty = {batch for _, batch, _, count in rows if not count}
        before = sorted(counted.get(source.name, []))
        if source.partitioning == "change_day":
            fresh = {day: batch for day, batch, is_current, _ in rows if is_current}
            pulled_again = [
                (day, batch) for day, batch in dict(before).items() if fresh.get(day, batch) != batch
            ]
            # Many days that lost nothing are no excuse for one that is empty now.
            emptied = [(day, batch) for day, batch in pulled_again if fresh[day] in empty]
            filled = [(day, batch) for day, batch in pulled_again if fresh[day] not in empty]
            pairs = [(days, [(day, fresh[day]) for day, _ in days]) for days in (emptied, filled)]
        else:
            now = [(day, batch) for day, batch, is_current, _ in rows if is_current and batch not in empty]
            if not now:
                continue
            yield from count_keys(con, source.name, _name_item(source), settings.landing, now[-1])
            if not previous:
                before = [(day, batch) for day, batch, *_ in rows if day < now[-1][0]]
            pairs = [([delivery for delivery in before if delivery[1] not in empty][-1:], now[-1:])]
        for earlier, later in pairs:
            files = [_find_accepted(settings, source.name, deliveries) for deliveries in (earlier, later)]
            if all(files) and files[0] != files[1]:
                yield from count_lost_keys(
                    con, source.name, _name_item(source), *files, is_fixed=_is_fixed(source)
                )


def _find_accepted(settings: Settings, source: str, deliveries: Sequence[Delivery]) -> list[str]:
    """The files of accepted rows that there are."""
    paths = [settings.quality / source / day / f"{batch}.accepted.parquet" for day, batch in deliveries]
    return [str(path) for path in paths if path.exists()]


def _is_fixed(source: Source) -> bool:
    """Whether nothing ever leaves the list: a province that a ranking no longer names did not cease to be."""
    canonical = read_canon().sources.get(source.name)
    return canonical is not None and canonical.silence == "none"


def _name_item(source: Source) -> tuple[str, ...]:
    """The columns by which a delivery is compared: what its rows are about."""
    canonical = read_canon().sources.get(source.name)
    return (canonical.item if canonical else ()) or source.key
