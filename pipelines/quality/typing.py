"""Landed text → typed columns, as one SQL statement per source built from its contract.

What does not parse is never lost: `<column>__raw` holds the text wherever typing gave nothing, and the
suite's rule on it says so. Formats are tried in the contract's order, never inferred.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pipelines import duck
from pipelines.privacy.detectors import REMOVED
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.values.codes import is_plain_sql, misshapen_sql
from pipelines.sources.values.misread_letters import MISREAD
from pipelines.sources.values.moments import is_of_moments, is_plausible_sql, read_moment_sql
from pipelines.sources.values.parsing import (
    clean_content_sql,
    drop_nulls_sql,
    find_fallback,
    has_unknown_scale_sql,
    is_empty_sql,
    is_unsigned_sql,
    typed_value_sql,
)
from pipelines.sources.values.placeholders import is_declared_sql, is_placeholder_sql, is_usual_sql

# A struct of the helper columns that only a row with something amiss has: NULL where there is none.
DOUBTS = "_doubts"


def select_typed(source: Source, relation: str, landed: Iterable[str]) -> str:
    """SELECT over `relation` (landed columns, `_key`, `_batch`, `_row`) giving typed columns.

    Beside each typed or mapped column stands `<column>__raw`: its text where it has no typed value; beside
    times and dates what `_list_moment_helpers` tells. All of these are NULL where DOUBTS is.
    `landed` names the columns the batch really has; an absent optional one is NULL, or its default.
    Helper columns for the suite: the contract's `derived`; `texts__personal`, `texts__mojibake` hold
    an offending text; `texts__misshapen` says that a code is none.
    """
    present = set(landed)
    codes = [c for c in source.columns if c.name in source.code_columns() & present]
    free = [c for c in source.columns if c.name in source.free_text_columns() & present]
    looks = "".join(f", {sql} as {name}" for name, sql in _list_first_looks(source, codes, free))
    cells = ", ".join(f"{_cell_sql(source, c, present)} as {_text(c)}" for c in source.columns)
    texts = ", ".join(f"{drop_nulls_sql(source, _text(c))} as {_text(c)}" for c in source.columns)
    moments = [c for c in source.columns if is_of_moments(c)]
    read = "".join(f", {read_moment_sql(source, c, _text(c))} as {_moment(c)}" for c in moments)
    scales = [c for c in source.columns if c.type == "percent" and not c.percent_scale and not c.meanings]
    read += "".join(
        f", {has_unknown_scale_sql(source, _text(c), ' over (partition by _batch)')} as {_scale(c)}"
        for c in scales
    )
    typed = ", ".join(_typed_sql(source, c) + f" as {duck.identifier(c.name)}" for c in source.columns)
    doubts = dict(_list_doubts(source))
    fields = ", ".join(f"{duck.literal(name)}: {sql}" for name, sql in doubts.items())
    doubt = f"case when {_is_doubtful_sql(source)} then {{{fields}}} end" if doubts else "null"
    columns = "".join(f", {DOUBTS}.{duck.identifier(name)}" for name in doubts)
    derived = "".join(f", {e} as {duck.identifier(n)}" for n, e in source.derived.items())
    misshapen = (
        " or ".join(f"coalesce({misshapen_sql(source, c, _text(c))}, false)" for c in codes) or "false"
    )
    helpers = ["_is_other", *map(_text, source.columns), *map(_moment, moments), *map(_scale, scales)]
    return f"""
        with landed as (select *{looks} from {relation}),
        cleaned as (
            select _key, _batch, _row, {cells}, {_is_other_sql(codes)} as _is_other,
                {_select_offending_texts(source, codes, free)}
            from landed
        ),
        texts as (select * replace ({texts}) from cleaned),
        read as (select *{read} from texts),
        typed as (
            select *, case when _is_other then case when {misshapen} then true end end as texts__misshapen,
                {typed}
            from read
        ),
        doubted as (select * exclude ({", ".join(helpers)}), {doubt} as {DOUBTS} from typed)
        select *{columns}{derived}
        from doubted"""


def list_doubts(source: Source) -> set[str]:
    """Names of the helper columns that are NULL where DOUBTS is."""
    return {name for name, _ in _list_doubts(source)}


def _list_first_looks(
    source: Source, codes: Iterable[Column], free: Iterable[Column]
) -> Iterator[tuple[str, str]]:
    """Name and SQL of what is asked of each landed text by itself, in a column of its own.

    So DuckDB asks once per dictionary entry; within `or` and `case` it asks once per row.
    """
    for column in codes:
        yield _plain(column), is_plain_sql(source, column, duck.identifier(column.name))
    for column in free:
        # `regexp_matches` is asked once per row, whatever the dictionary.
        pattern = duck.literal(f"(?s:.*)({re.escape(REMOVED)}|{MISREAD})(?s:.*)")
        yield _strange(column), f"regexp_full_match({duck.identifier(column.name)}, {pattern})"


def _select_offending_texts(source: Source, codes: Sequence[Column], free: Sequence[Column]) -> str:
    """SQL columns `texts__personal` and `texts__mojibake`; a closer look at rows that the first one points to."""
    scanned = [duck.identifier(c.name) for c in (*codes, *free) if c.name in source.scanned_columns()]
    scanned.sort()
    joined = f"concat_ws(' ', {', '.join(scanned)})" if scanned else "null::varchar"
    strange = " or ".join(_strange(c) for c in free) or "false"
    removed = " or ".join(f"contains({n}, {duck.literal(REMOVED)})" for n in scanned) or "false"
    misread = (
        " or ".join(f"regexp_matches({duck.identifier(c.name)}, {duck.literal(MISREAD)})" for c in free)
        or "false"
    )
    return f"""case when {_is_other_sql(codes)} or {strange} then case when {removed} then {joined} end end
                    as texts__personal,
                case when {strange} then case when {misread} then {joined} end end as texts__mojibake"""


def _is_other_sql(codes: Sequence[Column]) -> str:
    """SQL: true where one of the row's codes needs a closer look; NULL says nothing of one that is missing."""
    return f"not ({' and '.join(map(_plain, codes))})" if codes else "false"


def _cell_sql(source: Source, column: Column, present: set[str]) -> str:
    if column.name not in present:
        return "null::varchar"
    content = clean_content_sql(source, column)
    if column.name in source.code_columns():
        return f"case when {_plain(column)} then {duck.identifier(column.name)} else {content} end"
    return content


def _list_doubts(source: Source) -> Iterator[tuple[str, str]]:
    """Name and SQL of the helper columns of typed and mapped columns."""
    for column in source.columns:
        if (column.type != "text" or column.meanings) and not is_of_moments(column):
            name = duck.identifier(column.name)
            yield f"{column.name}__raw", f"case when {name} is null then {_text(column)} end"
    for column in source.columns:
        if is_of_moments(column):
            yield from _list_moment_helpers(source, column)


def _is_doubtful_sql(source: Source) -> str:
    """SQL: whether a helper column may hold anything. Most rows have none; to ask so is cheaper than to ask each."""
    doubts = []
    for column in source.columns:
        text, name = _text(column), duck.identifier(column.name)
        moment = _moment(column)
        if is_of_moments(column) and (column.fallback or column.default is not None):
            # Another value stands where this one is at fault.
            is_there = "" if column.required and not column.fallback else f"{text} is not null and "
            doubts.append(f"{is_there}({moment} is null or not {is_usual_sql(source, moment)})")
        elif is_of_moments(column) and column.required:
            doubts.append(f"{name} is null")
        elif is_of_moments(column) or column.type != "text" or column.meanings:
            doubts.append(f"{name} is null and {text} is not null")
    return " or ".join(doubts)


def _list_moment_helpers(source: Source, column: Column) -> Iterator[tuple[str, str]]:
    """Name and SQL of the helper columns of a column of times or dates, each the text at fault or NULL.

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
        yield f"{column.name}__{name}", sql


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


def _plain(column: Column) -> str:
    return duck.identifier(f"_{column.name}__plain")


def _strange(column: Column) -> str:
    return duck.identifier(f"_{column.name}__strange")


def _scale(column: Column) -> str:
    return duck.identifier(f"_{column.name}__scale_unknown")


def _moment(column: Column) -> str:
    return duck.identifier(f"_{column.name}__moment")


def _text(column: Column) -> str:
    return duck.identifier(f"_{column.name}__text")
