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
    days: dict[str, str] = {}
    helpers = [f"{expression} as {duck.identifier(name)}" for name, expression in suite.derived.items()]
    for number, (column, reference) in enumerate(suite.references.items()):
        helper = duck.identifier(f"{column}__unlisted")
        if reference.table not in landed:
            helpers.append(f"null::varchar as {helper}")
            continue
        ref, code = f"r{number}", f"t.{duck.identifier(column)}"
        bare = f"regexp_replace({code}, {duck.literal(reference.strip)}, '')" if reference.strip else code
        joins.append(f"left join ({_spans(reference, landed[reference.table])}) {ref} on {ref}.code = {bare}")
        is_listed = f"{ref}.code is not null"
        if reference.on:
            day = days.setdefault(f"cast(({reference.on}) as date)", f"_day_{len(days)}")
            is_listed += f" and {_is_valid_sql(ref, f't.{day}')}"
        helpers.append(f"case when {code} is null or ({is_listed}) then null else {code} end as {helper}")
    kept = f"t.* exclude ({', '.join(days.values())})" if days else "t.*"
    own = "".join(f", {day} as {name}" for day, name in days.items())
    return f"select {kept}{''.join(f', {h}' for h in helpers)} from (select *{own} from ({typed})) t {' '.join(joins)}"


def _is_valid_sql(ref: str, day: str) -> str:
    """SQL: `day` lies in one of the spans, or is not told.

    Asked of the last and the first before the list, whose price is tenfold."""
    within = f"len(list_filter({ref}.spans, lambda s: {day} >= s.f and {day} < s.t)) > 0"
    ends = " ".join(
        f"when {day} >= {ref}.{span}.f and {day} < {ref}.{span}.t then true" for span in ("latest", "opening")
    )
    return f"case {ends} when {day} is null then true else {within} end"


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
