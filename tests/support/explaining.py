"""Which items differ between two states of marts, asked in part or of everything, without a lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from pipelines.explain.counting import Part, Side, count_differing_items, sum_items
from pipelines.explain.explain_rule import ExplainRule
from pipelines.lake.apply import list_parts
from pipelines.lake.ledger import GENESIS, Release
from pipelines.sql import read_sql


def make_release(as_of: datetime) -> Release:
    return Release(
        release_id=1, published_at=datetime.now(UTC).replace(tzinfo=None), snapshot_id=1, run_id="", author="",
        reason="", code_commit="", is_dirty=False, previous_hash=GENESIS, as_of=as_of,
        input_batches=1, input_sha256="", manifest_sha256="", rules_sha256="", reference_sha256="",
    )  # fmt: skip


def list_changes(
    con: duckdb.DuckDBPyConnection,
    before: Side,
    after: Side,
    rules: Sequence[ExplainRule],
    *,
    is_in_part: bool,
) -> list[tuple]:
    """Every item whose unit or numerator differs. `is_in_part`: from the rows that differ, of every table, as
    publishing hands them over."""
    parts: dict[str, Part] = list_parts((), before.relations, after.relations) if is_in_part else {}
    for name in parts:
        old, new = before.relations[name], after.relations[name]
        if con.execute(f"(from {old} except from {new}) union all (from {new} except from {old})").fetchone():
            parts[name] = f"(from {old} except from {new})", f"(from {new} except from {old})"
    for side in (before, after):
        sum_items(con, side, rules)
    count_differing_items(con, before, after, rules, parts)
    rows = []
    for source in sorted({rule.source for rule in rules}):
        con.execute(read_sql("pipelines.explain", "event_changes"), {"source": source})
        rows += con.execute("select * from changed order by all").fetchall()
    return rows
