"""Landed text → typed columns, as one SQL statement per source built from its contract.

What does not parse is never lost: `<column>__raw` holds the text wherever typing gave nothing, and
the suite's rule on it says so. Formats are tried in the contract's order, never inferred.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines import duck
from pipelines.sources.contract import Column, Source
from pipelines.sources.personal import REMOVED

LOCAL = "Asia/Ho_Chi_Minh"
# Double-encoded UTF-8 ("Nghá»‡"), the replacement character, and TCVN3 bytes read as Latin-1.
MOJIBAKE = r"á»|áº|Ã[\x{0080}-\x{00BF}]|\x{FFFD}|[µ¸¶·¹][a-z]"


def typing_sql(source: Source, relation: str, landed: Iterable[str]) -> str:
    """SELECT over `relation` (landed columns, `_row`, `_key`) giving typed and `__raw` columns.

    `landed` names the columns the batch really has; an absent optional column is NULL, or its default.
    Helper columns for the suite: `texts__personal`, `texts__mojibake` hold an offending text.
    """
    present = set(landed)
    cleaned = ", ".join(
        f"{_clean(source, column) if column.name in present else 'null::varchar'} as {_text(column)}"
        for column in source.columns
    )
    typed = ", ".join(
        f"{_typed(source, column)} as {duck.identifier(column.name)}" for column in source.columns
    )
    raws = ", ".join(
        f"case when {duck.identifier(c.name)} is null then {_text(c)} end as "
        f"{duck.identifier(c.name + '__raw')}"
        for c in source.columns
        if c.type != "text" or c.value_map
    )
    derived = "".join(f", {e} as {duck.identifier(n)}" for n, e in source.derived.items())
    free = [duck.identifier(c.name) for c in source.columns if c.name in source.free_text_columns()]
    joined = f"concat_ws(' ', {', '.join(free)})" if free else "null"
    return f"""
        with cleaned as (select _key, _batch, _row, {cleaned} from {relation}),
        typed as (select *, {typed} from cleaned)
        select * exclude ({", ".join(map(_text, source.columns))}){", " + raws if raws else ""}{derived},
            case when contains({joined}, '{REMOVED}') then {joined} end as texts__personal,
            case when regexp_matches({joined}, {duck.literal(MOJIBAKE)})
                then {joined} end as texts__mojibake
        from typed"""


def _text(column: Column) -> str:
    return duck.identifier(f"_{column.name}__text")


def _clean(source: Source, column: Column) -> str:
    """NFC, NBSP and blanks trimmed, the source's words for nothing turned into NULL."""
    name = duck.identifier(column.name)
    text = f"trim(nfc_normalize(replace({name}, chr(160), ' ')))"
    for nothing in source.null_values:
        text = f"nullif({text}, {duck.literal(nothing)})"
    return text


def _typed(source: Source, column: Column) -> str:
    text = _text(column)
    if column.value_map:
        cases = " ".join(
            f"when {duck.literal(k)} then {duck.literal(v)}" for k, v in column.value_map.items()
        )
        text = f"case {text} {cases} end"
    match column.type:
        case "timestamp":
            value = _timestamp(source, text)
        case "date":
            formats = [*source.date_formats]
            value = f"cast({_strptime(text, formats)} as date)"
        case "percent":
            bare = f"replace(replace({text}, '%', ''), ',', '.')"
            value = f"cast(round(try_cast(trim({bare}) as double)) as integer)"
        case "text":
            value = text
        case _:
            value = f"try_cast({text} as {column.sql_type})"
    if column.default is not None:
        missing = f"cast({duck.literal(column.default)} as {column.sql_type})"
        value = f"case when {_text(column)} is null then {missing} else {value} end"
    return value


def _timestamp(source: Source, text: str) -> str:
    """Local wall time: zoned texts are converted, zone-less ones read in the source's zone."""
    plain = [f for f in source.datetime_formats if "%z" not in f]
    zoned = [f for f in source.datetime_formats if "%z" in f]
    parts = []
    if plain:
        value = _strptime(text, plain)
        if source.timezone != LOCAL:
            value = f"({value} at time zone {duck.literal(source.timezone)}) at time zone '{LOCAL}'"
        parts.append(value)
    if zoned:
        parts.append(f"({_strptime(text, zoned)}) at time zone '{LOCAL}'")
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _strptime(text: str, formats: list[str]) -> str:
    return f"try_strptime({text}, [{', '.join(map(duck.literal, formats))}])"
