"""One landed text → one typed value, as DuckDB expressions: the value, or NULL where it does not parse.

The column's type decides how a text is read, never the text itself (docs/domain.md §7): `1.234` is 1234 in
a whole-number column whose source writes Vietnamese numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipelines import duck
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.values.codes import NOTHING, drop_nothing_sql, fold_code_sql, unwrap_sql
from pipelines.sources.values.moments import is_of_moments, read_moment_sql, settle_moment_sql
from pipelines.sources.values.placeholders import is_placeholder_sql

# number_format → (thousands separator, decimal separator), each as a regular expression.
SEPARATORS = {"vi": (r"\.", ","), "en": (",", r"\.")}
UNCLEAN = "[^!-~ ]|^[ ='`]| $"
# Texts that may be a word for no code.
NO_CODE_WORD = "^(" + "|".join(map(re.escape, NOTHING)) + ")$"
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(8203) || chr(65279)"


def clean_text_sql(source: Source, column: Column) -> str:
    """NFC, blanks (also non-breaking, zero-width, BOM) trimmed, the source's nulls as NULL."""
    return drop_nulls_sql(source, clean_content_sql(source, column))


def clean_content_sql(source: Source, column: Column) -> str:
    """`clean_text_sql` with the source's nulls as they stand.

    Times and keys, which hardly repeat, are first asked whether there is anything to clean: a third
    of the price. Texts that repeat are cleaned at once, per dictionary entry.
    """
    name = duck.identifier(column.name)
    text = clean_raw_sql(source, column, name)
    if column.name in source.code_columns():
        is_other = f"regexp_matches({name}, {duck.literal(f'{UNCLEAN}|{NO_CODE_WORD}')})"
        text = f"case when {is_other} then {drop_nothing_sql(text)} else {name} end"
    elif column.type in ("timestamp", "date"):
        text = f"case when regexp_matches({name}, {duck.literal(UNCLEAN)}) then {text} else {name} end"
    return text


def drop_nulls_sql(source: Source, text: str) -> str:
    """SQL of a text without the source's words for nothing. Not by `nullif`: it writes its text out twice, so that
    ten words in each other would be a thousand copies."""
    words = ", ".join(map(duck.literal, source.null_values))
    return f"case when {text} in ({words}) then null else {text} end" if words else text


def clean_raw_sql(source: Source, column: Column, raw: str) -> str:
    """SQL of a landed text as `clean_text_sql` cleans it, nulls aside; codes are folded (`codes`)."""
    text = f"trim(replace(nfc_normalize({raw}), chr(160), ' '), {BLANKS})"
    if column.name in source.code_columns():
        return fold_code_sql(text)
    return unwrap_sql(text, apostrophe=column.name not in source.free_text_columns())


def clean_cell_sql(source: Source, column: Column, raw: str) -> str:
    """`clean_text_sql` of a landed text that stands at `raw`, without its short cuts."""
    text = clean_raw_sql(source, column, raw)
    if column.name in source.code_columns():
        text = drop_nothing_sql(text)
    return drop_nulls_sql(source, text)


def typed_value_sql(
    source: Source,
    column: Column,
    text_of: Callable[[Column], str],
    moment_of: Callable[[Column], str] | None = None,
) -> str:
    """SQL: the typed value, or NULL.

    `text_of` names where a column's cleaned text stands, `moment_of` where it was read as a moment
    already (`read_moment_sql`).
    """
    text = text_of(column)
    if column.default is not None or column.fallback:
        is_empty = is_empty_sql(source, column, text, moment_of(column) if moment_of else None)
    value = _own_value_sql(source, column, text, moment_of)
    if column.default is not None:
        missing = f"cast({duck.literal(column.default)} as {column.sql_type})"
        value = f"case when {is_empty} then {missing} else {value} end"
    if column.fallback:
        other = typed_value_sql(source, find_fallback(source, column), text_of, moment_of)
        value = f"case when {is_empty} then {other} else {value} end"
    return value


def find_fallback(source: Source, column: Column) -> Column:
    """The column that stands in where `column` says nothing; ValueError where it has none."""
    return next(other for other in source.columns if other.name == column.fallback)


def is_empty_sql(source: Source, column: Column, text: str, moment: str | None = None) -> str:
    """SQL, never NULL: whether a column's cleaned text says nothing, a placeholder for no date included."""
    if not is_of_moments(column):
        return f"{text} is null"
    moment = moment or read_moment_sql(source, column, text)
    return f"({text} is null or {is_placeholder_sql(source, text, moment)})"


def _own_value_sql(
    source: Source, column: Column, text: str, moment_of: Callable[[Column], str] | None
) -> str:
    if column.meanings:
        cases = " ".join(
            f"when {duck.literal(word)} then {duck.literal(canonical)}"
            for word, canonical in column.meanings.items()
        )
        value = f"case {text} {cases} end"
        return value if column.type == "text" else f"try_cast({value} as {column.sql_type})"
    match column.type:
        case "timestamp" | "date":
            moment = moment_of(column) if moment_of else read_moment_sql(source, column, text)
            value = settle_moment_sql(source, text, moment)
            if column.ends_day:
                # What is due on a day is not late on it, whatever the hour that a program made of the day.
                is_day = f"{moment} = date_trunc('day', {moment})"
                value = (
                    f"({value}) + case when {is_day} then interval 86399 second else interval 0 second end"
                )
            return f"cast({value} as date)" if column.type == "date" else value
        case "percent":
            return percent_sql(source, text, column.percent_scale)
        case "integer" | "bigint":
            return whole_number_sql(source, text, column.sql_type)
        case "decimal":
            return decimal_sql(source, text)
        case "boolean":
            return f"coalesce(try_cast({text} as boolean), {_say_sql(text)})"
    return text


def _say_sql(text: str) -> str:
    """SQL of what has one meaning in Vietnamese: yes and no. A mark (x, ✓) may be either, and is the place's to say."""
    return f"case lower({text}) when 'có' then true when 'không' then false end"


def whole_number_sql(source: Source, text: str, sql_type: str) -> str:
    """Digits, with or without thousands separators in groups of three; anything else is NULL."""
    thousands, _ = SEPARATORS[source.number_format]
    grouped = duck.literal(rf"[+-]?\d{{1,3}}({thousands}\d{{3}})+")
    bare = f"regexp_replace({text}, {duck.literal(thousands)}, '', 'g')"
    digits = f"case when regexp_full_match({text}, '[+-]?\\d+') then {text} "
    return f"try_cast({digits}when regexp_full_match({text}, {grouped}) then {bare} end as {sql_type})"


def decimal_sql(source: Source, text: str) -> str:
    """Digits, with or without thousands separators, and decimals after the source's own mark; anything else is NULL."""
    thousands, decimal = SEPARATORS[source.number_format]
    shape = duck.literal(rf"[+-]?(\d{{1,15}}|\d{{1,3}}({thousands}\d{{3}}){{1,4}})({decimal}\d+)?")
    bare = f"replace(regexp_replace({text}, {duck.literal(thousands)}, '', 'g'), ',', '.')"
    return f"try_cast(case when regexp_full_match({text}, {shape}) then {bare} end as double)"


def percent_sql(source: Source, text: str, scale: str | None = None) -> str:
    """`72 %`, `72,35%`, or a number without the sign as `scale` says, rounded to whole per cent.

    Without a scale only a whole number is read, as it stands; whether a column's numbers can be meant so is
    asked of all of them together (`has_unknown_scale_sql`). The scale never follows from a single value:
    1 may be 1 % or 100 %.
    """
    _, decimal = SEPARATORS[source.number_format]
    number = rf"[+-]?\d{{1,9}}({decimal}\d+)?"
    signed = duck.literal(number + r"\s*%")
    unsigned = duck.literal(number if scale else rf"[+-]?\d{{1,9}}({decimal}0+)?")
    bare = f"try_cast(replace(regexp_replace({text}, '\\s*%$', ''), ',', '.') as decimal(28, 12))"
    value = f"({bare} * 100)" if scale == "fraction" else bare
    return (
        f"cast(round(case when regexp_full_match({text}, {signed}) then {bare} "
        f"when regexp_full_match({text}, {unsigned}) then {value} end) as integer)"
    )


def has_unknown_scale_sql(source: Source, text: str, over: str = "") -> str:
    """SQL over many rows: whether numbers without a % sign may be per cents or fractions alike.

    So it is where one of them lies between 0 and 1, or the largest is above 0 and below 2. `over`: a window.
    """
    number = unsigned_number_sql(source, text)
    largest = f"max({number}){over}"
    return (
        f"(coalesce(bool_or({number} > 0 and {number} < 1){over}, false) "
        f"or coalesce({largest} > 0 and {largest} < 2, false))"
    )


def unsigned_number_sql(source: Source, text: str) -> str:
    """SQL of a number without a % sign; NULL for any other text."""
    _, decimal = SEPARATORS[source.number_format]
    shape = duck.literal(rf"[+-]?\d{{1,9}}({decimal}\d+)?")
    return (
        f"case when regexp_full_match({text}, {shape}) then try_cast(replace({text}, ',', '.') as double) end"
    )


def is_unsigned_sql(text: str) -> str:
    """SQL: whether a per cent is written without its sign, and is not 0, which is 0 on any scale."""
    return f"not regexp_full_match({text}, '[+-]?0+([.,]0+)?|.*%')"
