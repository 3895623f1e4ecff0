"""The gate: a finished build beside the release before and beside what was expected of its sources.

Here the facts are gathered and the rules asked. What a verdict leads to (publish, hold) is the releases' affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from pipelines.gate.columns import list_empty_columns
from pipelines.gate.deliveries import list_deliveries
from pipelines.gate.doubtful_rows import list_doubtful_rows
from pipelines.gate.evaluate import Comparand, Verdict, evaluate_release
from pipelines.gate.facts import (
    Fact,
    list_delivery_doubts,
    list_delivery_facts,
    list_mart_facts,
    list_missing_days,
    list_reference_sizes,
)
from pipelines.gate.gate_rule import read_gate_facts
from pipelines.gate.history import read_histories, read_values_before
from pipelines.gate.keys import compare_keys, list_counted
from pipelines.gate.release_rules import read_release_rules
from pipelines.gate.repetitions import list_overdue, list_repetitions
from pipelines.gate.times import list_foreign_hours
from pipelines.gate.units import list_unlisted_units
from pipelines.gate.volumes import list_volumes
from pipelines.lake.ledger import Release, table_exists
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts

BATCHES, CHECKS = "audit.batches", "audit.checks"
# Facts of what could not be looked at.
BLIND = ("tables_missing", "not_compared")


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
    """`relations`: table → relation of the build; one without the bookkeeping of batches is a finding of its own.

    `chain`: the releases before, oldest first.
    """
    contracts = load_contracts(settings.sources_file)
    previous = chain[-1] if chain else None
    histories = read_histories(con, chain)
    before = read_values_before(con, previous, histories)
    missing = [table for table in (BATCHES, CHECKS) if table not in relations]
    facts = list(list_blind_spots(missing, previous, before))
    if not missing:
        facts += _measure(con, settings, contracts, previous, as_of, relations, before)
    verdicts = evaluate_release(
        read_release_rules(contracts.gate),
        facts,
        Comparand(
            before,
            histories,
            as_of,
            is_backwards=bool(previous and as_of < previous.as_of),
            is_first=previous is None,
        ),
    )
    return GateResult(facts, verdicts)


def list_blind_spots(
    missing: Sequence[str], previous: Release | None, before: Mapping[tuple[str, str], float]
) -> Iterator[Fact]:
    """What the gate has nothing to look at: tables of the build, and the facts of the release before."""
    had_facts = any(fact not in BLIND for fact, _ in before)
    for table in missing:
        yield Fact("tables_missing", table, 2.0 if had_facts else 1.0, 1.0)
    if previous and not had_facts and not missing:
        number = previous.restores or previous.release_id
        yield Fact("not_compared", f"release {number}", 1.0, 1.0, is_recorded=False)


def _measure(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Contracts,
    previous: Release | None,
    as_of: datetime,
    relations: Mapping[str, str],
    before: Mapping[tuple[str, str], float],
) -> Iterator[Fact]:
    batches, checks = relations[BATCHES], relations[CHECKS]
    counted = list_counted(con, previous)
    current = {(batch.source, batch.batch_id) for batch in counted if batch.standing == "current"}
    deliveries = list(list_deliveries(con, contracts, batches, current))
    yield from list_delivery_facts(con, contracts, deliveries, as_of, batches, checks)
    yield from list_delivery_doubts(settings, deliveries, before)
    yield from list_doubtful_rows(settings, deliveries)
    if table_exists(con, "raw", "units", "warehouse"):
        yield from list_unlisted_units(con, contracts, settings, deliveries, "warehouse.raw.units")
    yield from list_reference_sizes(con, batches)
    yield from list_volumes(contracts, deliveries)
    yield from list_repetitions(con, contracts, deliveries, batches)
    yield from list_overdue(con, contracts, as_of, batches)
    yield from list_empty_columns(con, contracts, settings, deliveries)
    yield from list_foreign_hours(con, contracts, settings, deliveries)
    yield from list_mart_facts(con, read_gate_facts(settings.dbt_target / "manifest.json"), relations)
    yield from compare_keys(con, settings, contracts, counted if previous else None, batches)
    if previous:
        yield from list_missing_days(con, contracts, previous.as_of, as_of, batches)
