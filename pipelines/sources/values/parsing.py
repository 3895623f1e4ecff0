"""One landed text → one typed value, as DuckDB expressions: the value, or NULL where it does not parse.

The column's type decides how a text is read, never the text itself (docs/domain.md §7): `1.234` is 1234 in
a whole-number column whose source writes Vietnamese numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipelines import duck
from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Column, Source

LOCAL = str(LOCAL_ZONE)
# number_format → (thousands separator, decimal separator), each as a regular expression.
SEPARATORS = {"vi": (r"\.", ","), "en": (",", r"\.")}
# strptime takes "25/07/25" as year 25 and "2025072210111" as a whole time: neither is what it says.
EARLIEST, LATEST = "1900-01-01", "2200-01-01"
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(8203) || chr(65279)"
COMPACT_WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}


def clean_text_sql(source: Source, column: Column) -> str:
    """NFC, blanks (also non-breaking, zero-width, BOM) trimmed, the source's nulls as NULL.

    Times and keys, which hardly repeat, are first asked whether there is anything to clean: a third
    of the price. Texts that repeat are cleaned at once, per dictionary entry.
    """
    name = duck.identifier(column.name)
    text = f"trim(replace(nfc_normalize({name}), chr(160), ' '), {BLANKS})"
    if column.type in ("timestamp", "date") or (column.name in source.key and not column.meanings):
        text = f"case when regexp_matches({name}, '[^!-~ ]|^ | $') then {text} else {name} end"
    for nothing in source.null_values:
        text = f"nullif({text}, {duck.literal(nothing)})"
    return text


def typed_value_sql(source: Source, column: Column, text_of: Callable[[Column], str]) -> str:
    """SQL: the typed value, or NULL; `text_of` names where a column's cleaned text stands."""
    text = text_of(column)
    if column.meanings:
        cases = " ".join(
            f"when {duck.literal(word)} then {duck.literal(canonical)}"
            for word, canonical in column.meanings.items()
        )
        value = f"case {text} {cases} end"
        if column.type != "text":
            value = f"try_cast({value} as {column.sql_type})"
    else:
        match column.type:
            case "timestamp":
                value = timestamp_sql(source, text)
            case "date":
                value = date_sql(source, text)
            case "percent":
                value = percent_sql(source, text)
            case "integer" | "bigint":
                value = whole_number_sql(source, text, column.sql_type)
            case "boolean":
                value = f"try_cast({text} as boolean)"
            case "text":
                value = text
    if column.default is not None:
        missing = f"cast({duck.literal(column.default)} as {column.sql_type})"
        value = f"case when {text} is null then {missing} else {value} end"
    if column.fallback:
        other = next(c for c in source.columns if c.name == column.fallback)
        value = f"case when {text} is null then {typed_value_sql(source, other, text_of)} else {value} end"
    return value


def timestamp_sql(source: Source, text: str) -> str:
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
        offset = f"regexp_replace({text}, 'Z$', '+00:00')"
        parts.append(f"({_strptime(offset, zoned)}) at time zone '{LOCAL}'")
    return _plausible(f"coalesce({', '.join(parts)})")


def date_sql(source: Source, text: str) -> str:
    """SQL: the date by the first of the source's formats that fits, else NULL."""
    return f"cast({_plausible(_strptime(text, source.date_formats))} as date)"


def whole_number_sql(source: Source, text: str, sql_type: str) -> str:
    """Digits, with or without thousands separators in groups of three; anything else is NULL."""
    thousands, _ = SEPARATORS[source.number_format]
    grouped = duck.literal(rf"[+-]?\d{{1,3}}({thousands}\d{{3}})+")
    bare = f"regexp_replace({text}, {duck.literal(thousands)}, '', 'g')"
    digits = f"case when regexp_full_match({text}, '[+-]?\\d+') then {text} "
    return f"try_cast({digits}when regexp_full_match({text}, {grouped}) then {bare} end as {sql_type})"


def percent_sql(source: Source, text: str) -> str:
    """`72 %`, `72,35%` or a whole `72`, rounded to whole per cent.

    A fraction without its sign (`0.72`, as a native percent cell comes) is NULL: whether 1 is 1 % or
    100 % cannot be told from the value.
    """
    _, decimal = SEPARATORS[source.number_format]
    shape = duck.literal(rf"[+-]?\d{{1,9}}(({decimal}\d+)?\s*%)?")
    bare = f"replace(regexp_replace({text}, '\\s*%$', ''), ',', '.')"
    return (
        f"case when regexp_full_match({text}, {shape}) "
        f"then cast(round(try_cast({bare} as double)) as integer) end"
    )


def _strptime(text: str, formats: Sequence[str]) -> str:
    """The first format that fits; one without separators takes only a text of its own width."""
    compact = {f: width for f in formats if (width := _compact_width(f))}
    parts = [
        f"case when length({text}) = {width} then try_strptime({text}, {duck.literal(f)}) end"
        for f, width in compact.items()
    ]
    separated = [duck.literal(f) for f in formats if f not in compact]
    if separated:
        parts.append(f"try_strptime({text}, [{', '.join(separated)}])")
    return f"coalesce({', '.join(parts)})"


def _compact_width(fmt: str) -> int | None:
    """Digits that a format without separators takes; None where it has separators."""
    parts = re.findall(r"%.", fmt)
    if "".join(parts) != fmt or not all(p in COMPACT_WIDTHS for p in parts):
        return None
    return sum(COMPACT_WIDTHS[p] for p in parts)


def _plausible(value: str) -> str:
    return f"case when {value} >= timestamp '{EARLIEST}' and {value} < timestamp '{LATEST}' then {value} end"
