"""Landed text → typed columns, as one SQL statement per source built from its contract.

What does not parse is never lost: `<column>__raw` holds the text wherever typing gave nothing, and the
suite's rule on it says so. Formats are tried in the contract's order, never inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines import duck
from pipelines.privacy.detectors import REMOVED
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.values.codes import misshapen_sql
from pipelines.sources.values.misread_letters import MISREAD
from pipelines.sources.values.moments import is_of_moments, is_plausible_sql, read_moment_sql
from pipelines.sources.values.parsing import (
    clean_text_sql,
    find_fallback,
    has_unknown_scale_sql,
    is_empty_sql,
    is_unsigned_sql,
    typed_value_sql,
)
from pipelines.sources.values.placeholders import is_declared_sql, is_placeholder_sql


def select_typed(source: Source, relation: str, landed: Iterable[str]) -> str:
    """SELECT over `relation` (landed columns, `_key`, `_batch`, `_row`) giving typed columns.

    Beside each typed or mapped column stands `<column>__raw`: its text where it has no typed value; beside
    times and dates what `_select_moment_helpers` tells.
    `landed` names the columns the batch really has; an absent optional one is NULL, or its default.
    Helper columns for the suite: the contract's `derived`; `texts__personal`, `texts__mojibake` hold
    an offending text; `texts__misshapen` says that a code is none.
    """
    present = set(landed)
    texts = ", ".join(
        f"{clean_text_sql(source, c) if c.name in present else 'null::varchar'} as {_text(c)}"
        for c in source.columns
    )
    moments = [c for c in source.columns if is_of_moments(c)]
    read = "".join(f", {read_moment_sql(source, c, _text(c))} as {_moment(c)}" for c in moments)
    scales = [c for c in source.columns if c.type == "percent" and not c.percent_scale and not c.meanings]
    read += "".join(
        f", {has_unknown_scale_sql(source, _text(c), ' over (partition by _batch)')} as {_scale(c)}"
        for c in scales
    )
    typed = ", ".join(_typed_sql(source, c) + f" as {duck.identifier(c.name)}" for c in source.columns)
    raws = "".join(
        f", case when {duck.identifier(c.name)} is null then {_text(c)} end as "
        f"{duck.identifier(c.name + '__raw')}"
        for c in source.columns
        if (c.type != "text" or c.meanings) and not is_of_moments(c)
    )
    raws += "".join(f", {helper}" for c in moments for helper in _select_moment_helpers(source, c))
    derived = "".join(f", {e} as {duck.identifier(n)}" for n, e in source.derived.items())
    free = [duck.identifier(n) for n in sorted(source.free_text_columns() & present)]
    scanned = [duck.identifier(n) for n in sorted(source.scanned_columns() & present)]
    joined = f"concat_ws(' ', {', '.join(scanned)})" if scanned else "null::varchar"
    codes = [c for c in source.columns if c.name in source.code_columns() & present]
    misshapen = (
        " or ".join(f"coalesce({misshapen_sql(source, c, _text(c))}, false)" for c in codes) or "false"
    )
    # Asked of the landed columns: DuckDB then asks once per dictionary entry, not once per row.
    personal = " or ".join(f"contains({n}, {duck.literal(REMOVED)})" for n in scanned) or "false"
    mojibake = " or ".join(f"regexp_matches({n}, {duck.literal(MISREAD)})" for n in free) or "false"
    helpers = ", ".join([*map(_text, source.columns), *map(_moment, moments), *map(_scale, scales)])
    return f"""
        with cleaned as (
            select _key, _batch, _row, {texts},
                case when {personal} then {joined} end as texts__personal,
                case when {mojibake} then {joined} end as texts__mojibake
            from {relation}
        ),
        read as (select *{read} from cleaned),
        typed as (
            select *, case when {misshapen} then true end as texts__misshapen, {typed} from read
        )
        select * exclude ({helpers}){raws}{derived}
        from typed"""


def _select_moment_helpers(source: Source, column: Column) -> Iterator[str]:
    """SQL of the helper columns of a column of times or dates, each the text at fault or NULL.

    `__raw`: it gives no value, and does not stand for "no date". `__implausible`: the year cannot be meant.
    `__placeholder`: it stands for no date; of an optional column only where the place did not say so.
    `__unread`: no format reads it; of a required column also '' where it says nothing.
    """
    text, moment = _text(column), _moment(column)
    is_placeholder = is_placeholder_sql(source, text, moment)
    is_noted = is_placeholder
    if not column.required and source.placeholder_dates:
        is_noted = f"{is_placeholder} and not {is_declared_sql(source, moment)}"
    is_implausible = f"{moment} is not null and not {is_plausible_sql(moment)} and not {is_placeholder}"
    no_value = f"{duck.identifier(column.name)} is null and not {is_placeholder}"
    helpers = {
        "raw": f"case when {no_value} then {text} end",
        "placeholder": f"case when {is_noted} then {text} end",
        "implausible": f"case when {is_implausible} then {text} end",
        "unread": _unread_sql(source, column),
    }
    for name, sql in helpers.items():
        yield f"{sql} as {duck.identifier(f'{column.name}__{name}')}"


def _unread_sql(source: Source, column: Column) -> str:
    text, moment = _text(column), _moment(column)
    is_unread = f"{moment} is null and not {is_placeholder_sql(source, text, moment)}"
    if column.fallback:
        other = _unread_sql(source, find_fallback(source, column))
        is_empty = is_empty_sql(source, column, text, moment)
        return f"case when {is_empty} then {other} when {is_unread} then {text} end"
    if column.required:
        return f"case when {is_unread} then coalesce({text}, '') end"
    return f"case when {is_unread} then {text} end"


def _typed_sql(source: Source, column: Column) -> str:
    """The typed value; of per cents without a sign none where the batch leaves their scale open."""
    value = typed_value_sql(source, column, _text, _moment)
    if column.type == "percent" and not column.percent_scale and not column.meanings:
        return f"case when {_scale(column)} and {is_unsigned_sql(_text(column))} then null else {value} end"
    return value


def _scale(column: Column) -> str:
    return duck.identifier(f"_{column.name}__scale_unknown")


def _moment(column: Column) -> str:
    return duck.identifier(f"_{column.name}__moment")


def _text(column: Column) -> str:
    return duck.identifier(f"_{column.name}__text")
