"""Seeds and models as they are created here: types and contracts are kept, and a fault stops what rests on it alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.warehouse.statements import SEED, TABLE, VIEW, ContractColumn, Statement, build_statements


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def state(name: str, sql: str, *parents: str, kind: str = TABLE, **columns: str) -> Statement:
    """A column whose type ends in `!` must not be null."""
    contract = {n: ContractColumn(t.rstrip("!"), t.endswith("!")) for n, t in columns.items()}
    return Statement(name, parents, "marts", name, kind, sql, contract)


def build(con: duckdb.DuckDBPyConnection, *statements: Statement, project: Path = Path()) -> dict[str, str]:
    return {
        r.unique_id: f"{r.status} {r.message}".strip() for r in build_statements(con, statements, project)
    }


def test_a_seed_keeps_the_texts_of_its_columns(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("code,days\n007,3\n,4\n", encoding="utf-8")
    seed = state("codes", "codes.csv", kind=SEED, code="VARCHAR", days="INTEGER")
    assert build(con, seed, project=tmp_path) == {"codes": "success"}
    assert con.execute("from marts.codes").fetchall() == [("007", 3), (None, 4)]


def test_a_table_has_the_columns_of_its_contract_in_their_order(con: duckdb.DuckDBPyConnection) -> None:
    table = state("t", "select 1 as b, 'x' as a", a="VARCHAR!", b="INTEGER")
    assert build(con, table) == {"t": "success"}
    described = con.execute("describe marts.t").fetchall()
    assert [row[:3] for row in described] == [("a", "VARCHAR", "NO"), ("b", "INTEGER", "YES")]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1::bigint as a", "a is BIGINT, the contract says INTEGER"),
        ("select 1 as b", "a is missing, the contract says INTEGER; b is INTEGER, the contract says nothing of it"),
        ("select null::integer as a", "NOT NULL constraint failed"),
        ("select nowhere as a", '"nowhere" was not found'),
    ],
)  # fmt: skip
def test_what_a_contract_does_not_promise_fails_and_what_rests_on_it_is_skipped(
    con: duckdb.DuckDBPyConnection, sql: str, message: str
) -> None:
    results = build(
        con,
        state("wrong", sql, a="INTEGER!"),
        state("child", "select 1 as a", "wrong"),
        state("grandchild", "select 1 as a", "child", kind=VIEW),
        state("other", "select 1 as a"),
    )
    assert results.pop("wrong").startswith("error ") and results == {
        "child": "skipped",
        "grandchild": "skipped",
        "other": "success",
    }
    [failed] = build_statements(con, [state("wrong", sql, a="INTEGER!")], Path())
    assert failed.failed and message in failed.message


def test_a_model_that_is_gone_or_changed_its_kind_leaves_nothing(con: duckdb.DuckDBPyConnection) -> None:
    assert build(con, state("gone", "select 1 as a"), state("v", "select 1 as a", kind=VIEW)) == {
        "gone": "success",
        "v": "success",
    }
    assert build(con, state("v", "select 2 as a")) == {"v": "success"}
    assert con.execute("select table_name, table_type from information_schema.tables").fetchall() == [
        ("v", "BASE TABLE")
    ]
