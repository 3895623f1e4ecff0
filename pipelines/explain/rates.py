"""Why a headline rate moved between two releases: every item whose count changed, with its cause.

Δ numerator and Δ denominator split exactly, because each part is a set of items. A part's share of the
rate's own movement is (Δn − r·Δd) ÷ d′, r the old rate and d′ the new denominator: linear in the parts, so
these add up to the whole too, in whatever order they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.explain.counting import Part, Side, count_differing_items, sum_items
from pipelines.explain.event_log import explain_events
from pipelines.explain.explain_rule import read_explain_rules
from pipelines.explain.snapshots import explain_snapshots
from pipelines.explain.withdrawals import write_withdrawals
from pipelines.lake.catalogue import ALIAS, plan_without_statistics
from pipelines.lake.ledger import Release
from pipelines.lake.manifest import read_models
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sql import read_sql

# An item in one rate: where it counted and whether in the numerator, before and after (NULL: it did not),
# why it came, went or moved, and, where only the numerator differs, which `flip` field that was and why
# (NULL: for the same cause). `entry_field`: what a correction changed that made it count or no longer.
CHANGED_ITEMS = """
    metric varchar, period varchar, item_code varchar, unit_before varchar, counts_before boolean,
    unit_after varchar, counts_after boolean, cause varchar, batch_id varchar,
    flip varchar, flip_cause varchar, entry_field varchar"""


class Unexplained(RuntimeError):
    """The parts of a difference do not add up to the whole: an error of ours, never published."""


def explain_rates(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    previous: Release | None,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
    parts: Mapping[str, Part],
) -> None:
    """Fill temp tables `rates`, `movements` and `changes` for the ledger; a mart that is missing leaves
    its rates out.

    `before`, `after`: `schema.table` → relation of the release before and of the one being made; `parts`: their rows
    that differ, of the tables of which that is clear.
    Unexplained where the parts do not add up.
    """
    _create_tables(con)
    models = read_models(settings.dbt_target / "manifest.json")
    rules = [rule for rule in read_explain_rules(models) if rule.tables <= after.keys()]
    later = Side("after", release, after)
    sum_items(con, later, rules)
    con.execute(
        f"insert into rates by name {read_sql('pipelines.explain', 'rates', whole=read_canon().whole.code)}"
    )
    if previous is None:
        return
    rules = [rule for rule in rules if rule.tables <= before.keys()]
    earlier = Side("before", previous, before)
    sum_items(con, earlier, rules)
    count_differing_items(con, earlier, later, rules, parts)
    of_time = write_withdrawals(con, previous, release, after["audit.batches"]) if rules else ""
    canon = read_canon().sources
    for source in sorted({rule.source for rule in rules}):
        if source in canon and (evidence := canon[source].evidence):
            explain_events(con, settings, source, evidence, previous, release, before, after, of_time)
        else:
            explain_snapshots(con, source, previous, release, before, after, of_time)
    rates = f"{ALIAS}.audit.release_rates"
    attribute_changes(con, f"(select * from {rates} where release_id = {previous.release_id:d})")


def _create_tables(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("rates", "movements", "changes"):
        later = "release_id, compared_with" if name == "changes" else "release_id"
        con.execute(
            f"create or replace temp table {name} as "
            f"select * exclude ({later}) from {ALIAS}.audit.release_{name} where false"
        )
    con.execute(f"create or replace temp table changed_items ({CHANGED_ITEMS})")


def attribute_changes(con: duckdb.DuckDBPyConnection, rates_before: str) -> None:
    """`changed_items` → `movements` (item × unit × field) → `changes` (unit × cause), with the sum asserted.

    A rate that only one of the two releases has is not compared.
    """
    with plan_without_statistics(con):
        con.execute(
            "create or replace temp table compared as select distinct metric, period from rates "
            f"intersect select distinct metric, period from {rates_before}"
        )
    con.execute(read_sql("pipelines.explain", "movements"))
    whole = read_canon().whole.code
    with plan_without_statistics(con):
        con.execute(read_sql("pipelines.explain", "changes", rates_before=rates_before, whole=whole))
        apart = con.execute(read_sql("pipelines.explain", "sums_apart", rates_before=rates_before)).fetchall()
    if apart:
        raise Unexplained(f"the parts do not add up to the whole for {apart[:5]}")
