"""A suite over one DuckDB relation: equal values get equal verdicts, so each is evaluated only once.

A rule over single rows depends on nothing but the values it reads. Great Expectations is therefore handed
the distinct ones (hundreds, not millions), and what fails is found again among the rows by SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from pipelines import duck
from pipelines.quality.expectations import RuleResult, evaluate_frame
from pipelines.quality.suite import NULLNESS, Expectation

PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
ZERO = "zero"
# What a flag says of a pair: 0 and 2 which of the two is greater.
EQUAL, NOTHING = 1, 3
# Of two bits each, in an unsigned integer of 64.
FLAGS_PER_COLUMN = 32


class Frame(NamedTuple):
    """Rules evaluated over the same distinct values. `sql`: column → what of the relation it holds.

    `inputs`: column → how Great Expectations gets it, from those columns.
    """

    rules: list[Expectation]
    sql: dict[str, str]
    inputs: dict[str, str]

    def read_stored(self) -> Frame:
        """The same frame over a relation that holds its columns by their names."""
        return self._replace(sql={column: duck.identifier(column) for column in self.sql})

    def add_flag(self, name: str, sql: str, value: str) -> None:
        """`sql` (0 to 3) packed beside the flags that are there; `value`: its input, where `{}` stands for the flag.

        Dozens of columns, nearly all of them empty, are so told apart and compared at the price of one or two.
        """
        if name not in self.inputs:
            number, place = divmod(len(self.inputs), FLAGS_PER_COLUMN)
            column, bits = f"_flags_{number}", 2 * place
            flag = f"(({sql})::ubigint << {bits})"
            self.sql[column] = f"{self.sql[column]} | {flag}" if place else flag
            self.inputs[name] = value.format(f"(({duck.identifier(column)} >> {bits}) & 3)")


def evaluate_suite(
    con: duckdb.DuckDBPyConnection,
    suite: Sequence[Expectation],
    relation: str,
    name: str,
    frames: Sequence[Frame] | None = None,
) -> list[RuleResult]:
    """The failing `_key`s per rule, in the suite's order; `relation` has `_key` and the rules' columns.

    `frames`: the suite's, where the relation holds their columns already.
    """
    failed: dict[str, np.ndarray] = {}
    for frame in group_rules(suite, read_types(con, f"from {relation}")) if frames is None else frames:
        failed |= _evaluate(con, frame, relation, name)
    return [RuleResult(e, failed[e.rule]) for e in suite]


def read_types(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe {query}").fetchall()}


def group_rules(suite: Sequence[Expectation], types: dict[str, str]) -> list[Frame]:
    """One frame for all that only asks whether something is there, or which of two comes first.

    Of those a flag is enough; a rule that reads values shares a frame with those of the same columns.
    """
    flags = Frame([], {}, {})
    values: dict[tuple[str, ...], Frame] = {}
    for expectation in suite:
        if expectation.type in NULLNESS:
            [column] = expectation.columns
            flags.rules.append(expectation)
            flags.add_flag(
                column, f"{duck.identifier(column)} is not null", "case when {} = 1 then 1::float end"
            )
        elif _compares(expectation, types):
            left, right = (duck.identifier(expectation.kwargs[k]) for k in ("column_A", "column_B"))
            flags.rules.append(_of_order(expectation))
            flags.add_flag(
                expectation.rule,
                f"coalesce(({left} > {right})::tinyint - ({left} < {right})::tinyint + {EQUAL}, {NOTHING})",
                f"nullif({{}}, {NOTHING})::float - {EQUAL}",
            )
        else:
            columns = {c: duck.identifier(c) for c in sorted(set(expectation.columns))}
            values.setdefault(tuple(columns), Frame([], columns, columns)).rules.append(expectation)
    if ZERO in {column for rule in flags.rules for column in rule.columns}:
        flags.inputs[ZERO] = "0::float"
    return [frame for frame in (flags, *values.values()) if frame.rules]


def _compares(expectation: Expectation, types: dict[str, str]) -> bool:
    """A pair rule that skips rows without both values reads nothing but which of the two is greater."""
    if expectation.type != PAIR or expectation.kwargs.get("ignore_row_if") != "either_value_is_missing":
        return False
    left, right = (types.get(expectation.kwargs[k]) for k in ("column_A", "column_B"))
    return left is not None and left == right


def _of_order(expectation: Expectation) -> Expectation:
    kwargs = expectation.kwargs | {"column_A": expectation.rule, "column_B": ZERO}
    return Expectation(
        expectation.type,
        kwargs,
        expectation.severity,
        expectation.rule,
        expectation.reason_en,
        expectation.reason_vi,
        expectation.at,
    )


def _evaluate(
    con: duckdb.DuckDBPyConnection, frame: Frame, relation: str, name: str
) -> dict[str, np.ndarray]:
    pattern = ", ".join(f"{sql} as {duck.identifier(c)}" for c, sql in frame.sql.items())
    con.execute(
        f"create or replace temp table patterns as select (row_number() over () - 1)::bigint as _pattern, * "
        f"from (select distinct {pattern} from {relation})"
    )
    inputs = ", ".join(f"{sql} as {duck.identifier(c)}" for c, sql in frame.inputs.items())
    distinct = con.execute(f"select _pattern, {inputs} from patterns order by _pattern").to_arrow_table()
    # Unnamed: Great Expectations then names failing rows by plain integers, not by dicts.
    values: pd.DataFrame = distinct.to_pandas().set_index("_pattern").rename_axis(None)
    results = evaluate_frame(frame.rules, values, name)
    wrong = np.unique(np.concatenate([o.failed for o in results]))
    if not len(wrong):
        return {o.expectation.rule: o.failed for o in results}
    same = " and ".join(f"r.{q} is not distinct from p.{q}" for q in (duck.identifier(c) for c in frame.sql))
    con.register("wrong", pd.DataFrame({"_pattern": wrong}))
    rows = con.execute(
        f"select r._key, p._pattern from (select _key, {pattern} from {relation}) r join "
        f"(select patterns.* from patterns join wrong using (_pattern)) p on {same} order by 1"
    ).fetchnumpy()
    con.unregister("wrong")
    keys, patterns = (np.asarray(rows[c], np.int64) for c in ("_key", "_pattern"))
    return {o.expectation.rule: keys[np.isin(patterns, o.failed)] for o in results}
