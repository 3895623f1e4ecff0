"""A suite over one DuckDB relation: equal values get equal verdicts, so each is evaluated only once.

A rule over single rows depends on nothing but the values it reads. Great Expectations is therefore handed
the distinct ones (hundreds, not millions), and what fails is found again among the rows by SQL.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from pipelines import duck
from pipelines.quality.expectations import Part, RuleResult, evaluate_frames
from pipelines.quality.suite import NULLNESS, Expectation

PATTERNS = ("expect_column_values_to_match_regex", "expect_column_values_to_not_match_regex")
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
ZERO = "zero"
# What a flag says of a pair: 0 and 2 which of the two is greater.
EQUAL, NOTHING = 1, 3
# Of two bits each, in an unsigned integer of 64.
FLAGS_PER_COLUMN = 32


class Frame(NamedTuple):
    """Rules evaluated over the same distinct values. `sql`: column → what of the relation it holds.

    `inputs`: column → how Great Expectations gets it, from those columns. `folds`: inputs that many values share.
    """

    rules: list[Expectation]
    sql: dict[str, str]
    inputs: dict[str, str]
    folds: bool = False

    def read_stored(self) -> Frame:
        """The same frame over a relation that holds its columns by their names."""
        return self._replace(sql={column: duck.identifier(column) for column in self.sql})


class Flag(NamedTuple):
    """What one column says, as a number of two bits. `sql`: 0 to 3; `value`: its input, where `{}` stands for it."""

    name: str
    sql: str
    value: str


def evaluate_suite(
    con: duckdb.DuckDBPyConnection,
    suite: Sequence[Expectation],
    relation: str,
    name: str,
    frames: Sequence[Frame] | None = None,
    beside: Part | None = None,
) -> list[RuleResult]:
    """The failing `_key`s per rule, in the suite's order; `relation` has `_key` and the rules' columns.

    `frames`: the suite's, where the relation holds their columns already. `beside`: other rules with their own frame,
    evaluated by the same call of Great Expectations; their results come last.
    """
    if frames is None:
        frames = group_rules(suite, read_types(con, f"from {relation}"))
    parts = [
        (frame.rules, _read_patterns(con, frame, relation, f"patterns_{number}"))
        for number, frame in enumerate(frames)
    ]
    evaluated = evaluate_frames([*parts, *([beside] if beside else [])], name)
    others = evaluated.pop() if beside else []
    failed: dict[str, np.ndarray] = {}
    for number, (frame, results) in enumerate(zip(frames, evaluated, strict=True)):
        failed |= _find_rows(con, frame, relation, f"patterns_{number}", results)
    return [*(RuleResult(e, failed[e.rule]) for e in suite), *others]


def read_types(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe {query}").fetchall()}


def group_rules(
    suite: Sequence[Expectation], types: dict[str, str], doubts: Collection[str] = (), doubt: str = ""
) -> list[Frame]:
    """One frame for all that only asks whether something is there, or which of two comes first.

    Of those a flag is enough; a rule that reads values shares a frame with those of the same columns.
    `doubts`: columns that hold nothing where `doubt`, a column too, is NULL: they are asked only of the other rows.
    """
    rules: list[Expectation] = []
    flags: dict[str, Flag] = {}
    values: dict[tuple[str, ...], Frame] = {}
    for expectation in suite:
        if expectation.type in NULLNESS:
            [column] = expectation.columns
            rules.append(expectation)
            is_there = f"{duck.identifier(column)} is not null"
            flags[column] = Flag(column, is_there, "case when {} = 1 then 1::float end")
        elif _compares(expectation, types):
            left, right = (duck.identifier(expectation.kwargs[k]) for k in ("column_A", "column_B"))
            rules.append(_of_order(expectation))
            order = (
                f"coalesce(({left} > {right})::tinyint - ({left} < {right})::tinyint + {EQUAL}, {NOTHING})"
            )
            flags[expectation.rule] = Flag(
                expectation.rule, order, f"nullif({{}}, {NOTHING})::float - {EQUAL}"
            )
        else:
            columns = {c: duck.identifier(c) for c in sorted(set(expectation.columns))}
            values.setdefault(tuple(columns), Frame([], columns, columns)).rules.append(expectation)
    frame = Frame(rules, {}, {})
    _pack_flags(frame, [flag for name, flag in flags.items() if name not in doubts])
    _pack_flags(frame, [flag for name, flag in flags.items() if name in doubts], doubt)
    if ZERO in {column for rule in rules for column in rule.columns}:
        frame.inputs[ZERO] = "0::float"
    return [frame for frame in (frame, *map(_fold_digits, values.values())) if frame.rules]


def _fold_digits(frame: Frame) -> Frame:
    """Every digit as 0 where no rule tells one from another: of a million codes a dozen shapes are left."""
    if not all(is_blind_to_digits(rule) for rule in frame.rules):
        return frame
    inputs = {c: f"translate({duck.identifier(c)}, '123456789', '000000000')" for c in frame.sql}
    return frame._replace(inputs=inputs, folds=True)


def is_blind_to_digits(rule: Expectation) -> bool:
    """Whether the rule is a pattern in which a digit stands for any: nothing but `\\d`, `0-9` and counts in braces."""
    if rule.type not in PATTERNS:
        return False
    return not re.search(r"\d", re.sub(r"\\d|0-9|\{\d+(,\d*)?\}", "", rule.kwargs["regex"]))


def _pack_flags(frame: Frame, flags: Sequence[Flag], doubt: str = "") -> None:
    """Dozens of columns, nearly all of them empty, are so told apart and compared at the price of one or two."""
    for first in range(0, len(flags), FLAGS_PER_COLUMN):
        column, packed = f"_flags_{len(frame.sql)}", []
        for place, flag in enumerate(flags[first : first + FLAGS_PER_COLUMN]):
            packed.append(f"(({flag.sql})::ubigint << {2 * place})")
            frame.inputs[flag.name] = flag.value.format(f"(({duck.identifier(column)} >> {2 * place}) & 3)")
        sql = " | ".join(packed)
        frame.sql[column] = (
            f"case when {duck.identifier(doubt)} is null then 0::ubigint else {sql} end" if doubt else sql
        )


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


def _read_patterns(
    con: duckdb.DuckDBPyConnection, frame: Frame, relation: str, patterns: str
) -> pd.DataFrame:
    """What Great Expectations gets for the distinct values of the frame: by `_pattern`, as in the table `patterns`.

    Where many values share an input, `patterns` holds the inputs, and `<patterns>_values` the values.
    """
    columns = ", ".join(f"{sql} as {duck.identifier(c)}" for c, sql in frame.sql.items())
    inputs = ", ".join(f"{sql} as {duck.identifier(c)}" for c, sql in frame.inputs.items())
    distinct = f"(select distinct {columns} from {relation})"
    if frame.folds:
        folded = ", ".join(f"{sql} as {_folded(c)}" for c, sql in frame.inputs.items())
        con.execute(f"create or replace temp table {patterns}_values as select *, {folded} from {distinct}")
        shared = ", ".join(f"{_folded(c)} as {duck.identifier(c)}" for c in frame.inputs)
        distinct, inputs = f"(select distinct {shared} from {patterns}_values)", "* exclude (_pattern)"
    con.execute(
        f"create or replace temp table {patterns} as select (row_number() over () - 1)::bigint as _pattern, * "
        f"from {distinct}"
    )
    values = con.execute(f"select _pattern, {inputs} from {patterns} order by _pattern").to_arrow_table()
    # Unnamed: Great Expectations then names failing rows by plain integers, not by dicts.
    return values.to_pandas().set_index("_pattern").rename_axis(None)


def _find_rows(
    con: duckdb.DuckDBPyConnection, frame: Frame, relation: str, patterns: str, results: Sequence[RuleResult]
) -> dict[str, np.ndarray]:
    """Rule → the `_key`s of the rows whose values fail it."""
    wrong = np.unique(np.concatenate([o.failed for o in results]))
    if not len(wrong):
        return {o.expectation.rule: o.failed for o in results}
    columns = ", ".join(f"{sql} as {duck.identifier(c)}" for c, sql in frame.sql.items())
    same = " and ".join(f"r.{q} is not distinct from p.{q}" for q in (duck.identifier(c) for c in frame.sql))
    con.register("wrong", pd.DataFrame({"_pattern": wrong}))
    failing = f"select {patterns}.* from {patterns} join wrong using (_pattern)"
    if frame.folds:
        shared = " and ".join(
            f"f.{duck.identifier(c)} is not distinct from v.{_folded(c)}" for c in frame.inputs
        )
        failing = f"select f._pattern, v.* from {patterns}_values v join ({failing}) f on {shared}"
    rows = con.execute(
        f"select r._key, p._pattern from (select _key, {columns} from {relation}) r join ({failing}) p on {same} "
        f"order by 1"
    ).fetchnumpy()
    con.unregister("wrong")
    keys, numbers = (np.asarray(rows[c], np.int64) for c in ("_key", "_pattern"))
    return {o.expectation.rule: keys[np.isin(numbers, o.failed)] for o in results}


def _folded(column: str) -> str:
    return duck.identifier(f"_{column}__folded")
