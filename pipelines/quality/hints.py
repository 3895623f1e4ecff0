"""What a value that broke a rule may be, and the setting that would read it: for people, never applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from pipelines.privacy.redaction import REMOVED
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.contracts.source import Source
from pipelines.sources.values.cells import NUMERIC
from pipelines.sources.values.characters import describe_characters
from pipelines.sources.values.datetime_formats import describe_texts, suggest_formats
from pipelines.sources.values.moments import is_of_moments

# The days of a spreadsheet from 1990 to 2099, with or without a time.
SERIAL = re.compile(r"(3[3-9]|[4-6]\d|7[0-2])\d{3}([.,]\d+)?")
SPREADSHEET_ERROR = re.compile(r"#(REF|N/A|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC)[!?]?")
# How rules end that ask how a value is written: only there broken letters and look-alike signs are a cause.
OF_WRITING = (
    "_unknown", "_misshapen", "_malformed", "_unlisted", "_unparseable", "_unreadable", "_missing", "mojibake_in_text",
)  # fmt: skip
# So do rules of a place over patterns and lists, whatever their names.
KINDS_OF_WRITING = ("_match_regex", "_in_set")
# Two letters of windows-1252 where one of Vietnamese stood, or the sign for one that was lost.
MOJIBAKE = re.compile("á[º»]|Ã[\u0080-\u00bf]|Ä[\u0080-\u0091‘ƒ\ufffd]|â€|\ufffd")
GROUPED = re.compile(r"[+-]?\d{1,3}([\s\u2009\u202f'’]\d{3})+([.,]\d+)?")
# `%d/%m/%Y`
DAY_LENGTH = 8
OTHER_MARKS = re.compile(r"[+-]?\d+[.,][\d.,]*")


def describe_hint(source: Source, result: Mapping[str, Any]) -> str:
    """`; …` behind the sample of a rule; nothing where its values say nothing of their cause."""
    texts = [str(sample["value"]) for sample in result.get("samples", ()) if sample["value"]]
    names = {str(sample["column"]) for sample in result.get("samples", ()) if sample["column"]}
    column = next((column for column in source.columns if column.name in names), None)
    if not texts or column is None:
        return ""
    hint = find_hint(source, column, result["rule"], texts, result.get("type", ""))
    return f": {hint}" if hint else ""


def describe_signs(result: Mapping[str, Any]) -> str:
    """`: U+00D0 … (looks like Đ)` behind a value that looks like a right one; nothing where it does not, nor for signs
    that say what is wrong themselves (garbled text, our own mark for what was removed), nor where the rule is not
    about writing."""
    if not is_of_writing(result["rule"], result.get("type", "")):
        return ""
    value = next((str(sample["value"]) for sample in result.get("samples", ()) if sample["value"]), "")
    signs = None if MOJIBAKE.search(value) else _find_signs(value)
    return f": {signs}" if signs else ""


def _find_signs(text: str) -> str | None:
    """Our own mark for what was removed is none of the value's signs."""
    return describe_characters(text.replace(REMOVED, ""))


def is_of_writing(rule: str, kind: str) -> bool:
    """Whether the rule asks how a value is written; `kind`: its type in the suite."""
    return rule.endswith(OF_WRITING) or kind.endswith(KINDS_OF_WRITING)


def find_hint(source: Source, column: Column, rule: str, texts: Sequence[str], kind: str = "") -> str:
    """`texts`: of this column, each of which broke the rule; `kind`: the rule's type in the suite."""
    if is_of_writing(rule, kind):
        if MOJIBAKE.search(texts[0]):
            return "its letters are broken: UTF-8 was read as another encoding before it came. Ask for it in UTF-8"
        if signs := _find_signs(texts[0]):
            return signs
    if all(map(SPREADSHEET_ERROR.match, texts)):
        return "an error of a spreadsheet's formula, to be mended there"
    if rule.endswith("_unknown"):
        return _suggest_word(column, texts)
    if rule.endswith("_out_of_range"):
        return _suggest_scale(column)
    # Of a value that was read, the way of writing is not at fault.
    if not rule.endswith(("_unparseable", "_missing")):
        return ""
    if is_of_moments(column):
        return _suggest_format(source, column, texts)
    return _suggest_number(source, texts) if column.type in NUMERIC else ""


def _suggest_scale(column: Column) -> str:
    if column.percent_scale != "fraction":
        return ""
    return f"`percent_scale: fraction` of `{column.name}` reads 1 as 100 %; where 72 is 72 %, say `whole`"


def _suggest_word(column: Column, texts: Sequence[str]) -> str:
    """A word of the map that differs in capitals and blanks alone: words are compared as they are written."""
    words = {fold_name(word): word for word in column.value_map or {}}
    word = words.get(fold_name(texts[0]))
    return f"the map has {word!r}, and words are compared letter by letter" if word else ""


def _suggest_format(source: Source, column: Column, texts: Sequence[str]) -> str:
    if all(map(SERIAL.fullmatch, texts)):
        return "a spreadsheet's number of a day: format the column as a date there"
    key = "datetime_formats" if column.type == "timestamp" else "date_formats"
    with duckdb.connect() as con:
        formats = suggest_formats(con, list(texts))
    # Where the source's own formats tell which is day and which month, so do they here.
    declared = (*source.datetime_formats, *source.date_formats)
    formats = [f for f in formats if any(d.startswith(f[:DAY_LENGTH]) for d in declared)] or formats
    if not formats:
        return ""
    meaning = describe_texts(list(texts), formats[0])
    if len(formats) > 1:
        return f"{formats[0]!r} of `{key}` would read it{meaning}, and so would {formats[1]!r}: only the owner knows"
    return f"{formats[0]!r} of `{key}` would read it{meaning}"


def _suggest_number(source: Source, texts: Sequence[str]) -> str:
    if all(map(GROUPED.fullmatch, texts)):
        return "its digits are grouped by blanks or apostrophes: ask for plain numbers"
    other = "en" if source.number_format == "vi" else "vi"
    if all(map(OTHER_MARKS.fullmatch, texts)):
        return f"written as `number_format: {other}` says, and {source.name} has {source.number_format}"
    return ""
