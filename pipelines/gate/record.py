"""What the gate found, beside the release in the ledger, and read from there: `audit.release_facts` and `_checks`."""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import pandas as pd

from pipelines.gate.examine import GateResult
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import table_exists

# Without the details: keys of single rows belong to a hold, not to every release.
COLUMNS = (
    "rule", "scope", "severity", "outcome", "value", "now", "before", "limit", "text_en", "text_vi", "next_en",
    "next_vi",
)  # fmt: skip


class ReleaseFinding(NamedTuple):
    """What travels with a release: `outcome` is warned, or accepted where somebody published it all the same."""

    rule: str
    scope: str
    outcome: str
    text_en: str
    text_vi: str
    next_en: str
    next_vi: str


def record_examination(con: duckdb.DuckDBPyConnection, release_id: int, examination: GateResult) -> None:
    """Inside the open transaction of the release."""
    if examination.facts:
        facts = [[release_id, f.fact, f.scope, f.value, f.weight] for f in examination.facts]
        _insert(con, "release_facts", facts)
    if examination.verdicts:
        checks = [[release_id, *(getattr(v, c) for c in COLUMNS)] for v in examination.verdicts]
        _insert(con, "release_checks", checks)


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[list[object]]) -> None:
    """In one statement, which is one file of the lake."""
    con.register("incoming", pd.DataFrame(rows, dtype="object"))
    con.execute(f"insert into {ALIAS}.audit.{table} from incoming")
    con.unregister("incoming")


def list_checks(con: duckdb.DuckDBPyConnection, release_id: int) -> list[dict[str, object]]:
    """Every verdict of the gate on a release, those that passed too; empty where there was no gate."""
    if not table_exists(con, "audit", "release_checks"):
        return []
    cursor = con.execute(
        f"select * exclude (release_id) from {ALIAS}.audit.release_checks where release_id = ? "
        "order by outcome, rule, scope",
        [release_id],
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def list_few_lost_keys(con: duckdb.DuckDBPyConnection, release_id: int) -> list[str]:
    """A line per list that lost a handful of keys: no finding, and not in silence."""
    if not table_exists(con, "audit", "release_checks"):
        return []
    rows = con.execute(
        f"select text_vi, text_en from {ALIAS}.audit.release_checks "
        "where release_id = ? and rule = 'delivery_lost_few_keys' and outcome = 'noted' order by scope",
        [release_id],
    ).fetchall()
    return [f"· {vi} · {en}" for vi, en in rows]


def list_release_findings(con: duckdb.DuckDBPyConnection, release_id: int) -> list[ReleaseFinding]:
    """Heaviest first; empty for a release that passed the gate, or was made before there was one."""
    if not table_exists(con, "audit", "release_checks"):
        return []
    rows = con.execute(
        f"select rule, scope, outcome, text_en, text_vi, next_en, next_vi from {ALIAS}.audit.release_checks "
        "where release_id = ? and outcome in ('accepted', 'warned') "
        "order by outcome, value / greatest(limit_value, 0.01) desc nulls last, rule, scope",
        [release_id],
    ).fetchall()
    return [ReleaseFinding(*row) for row in rows]
