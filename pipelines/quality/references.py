"""Codes looked up in the reference tables as landed, on the day the row speaks of (docs/domain.md §6).

A bare unit code means nothing without a date: all 130 new units re-use an old unit's code.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from pipelines import duck
from pipelines.landing.batches import Batch, find_newest_batches
from pipelines.landing.reference import PREFIX
from pipelines.quality.suite import Reference, Suite


def find_references(tables: Iterable[str], landing: Path) -> dict[str, Batch]:
    """table → its newest batch; a table that was never landed is absent."""
    newest = {}
    for table in sorted(set(tables)):
        batches = find_newest_batches(landing, PREFIX + table)
        if batches:
            newest[table] = batches[max(batches)]
    return newest


def select_with_helpers(suite: Suite, typed: str, landed: dict[str, Batch]) -> str:
    """SELECT over `typed` with the suite's `derived` columns and `<column>__unlisted` beside.

    The latter is NULL too where the table was never landed: nothing is said about it then.
    """
    joins: list[str] = []
    helpers = [f"{expression} as {duck.identifier(name)}" for name, expression in suite.derived.items()]
    for number, (column, reference) in enumerate(suite.references.items()):
        helper = duck.identifier(f"{column}__unlisted")
        if reference.table not in landed:
            helpers.append(f"null::varchar as {helper}")
            continue
        ref, code = f"r{number}", f"t.{duck.identifier(column)}"
        bare = f"regexp_replace({code}, {duck.literal(reference.strip)}, '')" if reference.strip else code
        joins.append(f"left join ({_spans(reference, landed[reference.table])}) {ref} on {ref}.code = {bare}")
        unknown = f"{ref}.code is null"
        if reference.on:
            day = f"cast(({reference.on}) as date)"
            unknown += f" or not ({day} is null or {_is_valid_sql(ref, day)})"
        helpers.append(f"case when {code} is not null and ({unknown}) then {code} end as {helper}")
    return f"select t.*{''.join(f', {h}' for h in helpers)} from ({typed}) t {' '.join(joins)}"


def _is_valid_sql(ref: str, day: str) -> str:
    """SQL: `day` lies in one of the spans. Asked of the first and the last before the list, whose price is tenfold."""
    ends = " or ".join(
        f"({day} >= {ref}.{span}.f and {day} < {ref}.{span}.t)" for span in ("opening", "latest")
    )
    within = f"len(list_filter({ref}.spans, lambda s: {day} >= s.f and {day} < s.t)) > 0"
    return f"case when {ends} then true else {within} end"


def _spans(reference: Reference, batch: Batch) -> str:
    """One row per code with the spans in which it was valid: from the day, up to the day before `t`."""
    landed = pq.read_schema(batch.path).names

    def day(column: str | None, otherwise: str) -> str:
        if column not in landed:
            return f"date '{otherwise}'"
        return f"coalesce(try_cast({duck.identifier(str(column))} as date), date '{otherwise}')"

    span = f"{{'f': {day(reference.valid_from, '0001-01-01')}, 't': {day(reference.valid_to, '9999-12-31')}}}"
    return (
        f"select code, list(span) as spans, min(span) as opening, max(span) as latest from (select "
        f"{duck.identifier(reference.key)} as code, {span} as span from read_parquet({duck.literal(batch.path)})) "
        f"group by 1"
    )
