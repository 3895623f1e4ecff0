"""One landed text → one moment, as DuckDB expressions: by the source's own formats, never inferred.

Whether a moment is plausible, or a placeholder for none, is asked afterwards: `settle_moment_sql`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines import duck
from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.table_contract import MOMENT_WORDS
from pipelines.sources.values.placeholders import is_placeholder_sql

LOCAL = str(LOCAL_ZONE)
# strptime takes "25/07/25" as year 25 and "2025072210111" as a whole time: neither is what it says.
EARLIEST, LATEST = "1900-01-01", "2200-01-01"
COMPACT_WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
# Word of MOMENT_WORDS → (a regular expression of the whole text, what replaces it by its milliseconds).
_SHAPES = {
    "dotnet": (r"\\?/Date\((-?\d{1,15})([+-]\d{4})?\)\\?/", r"\1"),
    # From 1973 on: 45889 is a spreadsheet's day, 20250820 a day without separators.
    "epoch": (r"(0|-?\d{9,11})(\.\d*)?", r"\1000"),
    "epoch_ms": (r"(0|-?\d{12,15})", r"\1"),
}
# Vietnamese and spelled-out halves of the day → those that strptime reads.
HALVES = {"AM": r"\b(SA|sáng|a\.m\.)$", "PM": r"\b(CH|chiều|p\.m\.)$"}


def list_formats(source: Source, column: Column) -> tuple[str, ...]:
    """The formats by which a column of moments is read."""
    return source.date_formats if column.type == "date" else source.datetime_formats


def is_of_moments(column: Column) -> bool:
    """Whether a column's texts are read by formats of times or dates."""
    return column.type in ("timestamp", "date") and not column.meanings


def read_moment_sql(source: Source, column: Column, text: str) -> str:
    """SQL: the timestamp that `text` says in local wall time, however implausible; NULL where no format fits.

    A text with a zone is converted; one without is read in the source's zone, a day as it stands.
    """
    formats = list_formats(source, column)
    plain = [f for f in formats if "%z" not in f and f not in MOMENT_WORDS]
    zoned = [f for f in formats if "%z" in f]
    parts = []
    if plain:
        value = read_by_formats_sql(text, plain)
        if source.timezone != LOCAL and column.type != "date":
            value = f"({value} at time zone {duck.literal(source.timezone)}) at time zone '{LOCAL}'"
        parts.append(value)
    if zoned:
        offset = f"regexp_replace({text}, 'Z$', '+00:00')"
        parts.append(f"({read_by_formats_sql(offset, zoned)}) at time zone '{LOCAL}'")
    parts += [read_by_word_sql(text, word) for word in formats if word in MOMENT_WORDS]
    return f"coalesce({', '.join(parts)})" if parts else "null::timestamp"


def settle_moment_sql(source: Source, text: str, moment: str) -> str:
    """SQL: `moment`, as which `text` reads, where it is plausible and no placeholder; else NULL."""
    is_placeholder = is_placeholder_sql(source, text, moment)
    return f"case when {is_plausible_sql(moment)} and not {is_placeholder} then {moment} end"


def is_plausible_sql(moment: str) -> str:
    """SQL: whether a moment's year can be one of a dossier, a task or an issue."""
    return f"({moment} >= timestamp '{EARLIEST}' and {moment} < timestamp '{LATEST}')"


def write_moment(source: Source, moment: datetime) -> str:
    """A moment with a zone as the source itself would write it: its zone, its first format."""
    first = source.datetime_formats[0]
    if first not in MOMENT_WORDS:
        return moment.astimezone(ZoneInfo(source.timezone)).strftime(first)
    milliseconds = int(moment.timestamp() * 1000)
    texts = {"dotnet": f"/Date({milliseconds})/", "epoch": str(milliseconds // 1000)}
    return texts.get(first, str(milliseconds))


def read_by_word_sql(text: str, word: str) -> str:
    shape, number = _SHAPES[word]
    milliseconds = (
        f"try_cast(regexp_replace({text}, {duck.literal(f'^{shape}$')}, {duck.literal(number)}) as bigint)"
    )
    # Years 1 to 9999, in milliseconds: beyond them DuckDB raises instead of giving NULL.
    is_day = f"{milliseconds} between -62135596800000 and 253402300799999"
    is_shape = f"regexp_full_match({text}, {duck.literal(shape)})"
    moment = f"(epoch_ms({milliseconds}) at time zone 'UTC') at time zone '{LOCAL}'"
    return f"case when {is_shape} and {is_day} then {moment} end"


def read_by_formats_sql(text: str, formats: Sequence[str]) -> str:
    """The first format that fits; one without separators takes only a text of its own width.

    A text without a digit is no moment: strptime reads `infinity` and `epoch` under any format.
    """
    has_digit = _has_digit_sql(text, formats)
    if any("%f" in f for f in formats):
        # Services write up to nine digits of a second; cut to six, never rounded into the next day.
        text = rf"regexp_replace({text}, '(:\d\d[.,]\d{{6}})\d{{1,6}}', '\1')"
    if any("%p" in f for f in formats):
        for half, words in HALVES.items():
            text = f"regexp_replace({text}, {duck.literal('(?i)' + words)}, '{half}')"
    compact = {f: width for f in formats if (width := _compact_width(f))}
    parts = [
        f"case when length({text}) = {width} then try_strptime({text}, {duck.literal(f)}) end"
        for f, width in compact.items()
    ]
    # %Y takes the year of `05/08/25` for the year 25; %y does not take that of `05/08/2025`.
    separated = sorted((f for f in formats if f not in compact), key=lambda f: "%y" not in f)
    if separated:
        value = _strptime_sql(text, separated)
        parts.append(f"case when {has_digit} then {value} end")
    return f"coalesce({', '.join(parts)})" if parts else "null::timestamp"


def _strptime_sql(text: str, formats: Sequence[str]) -> str:
    """A format with a zone stands alone: given a list of them, DuckDB 1.5.5 is wrong by the daylight saving
    that the session's zone has today (an hour in Auckland from September to April, whatever the text)."""
    if any("%z" in f for f in formats):
        return f"coalesce({', '.join(f'try_strptime({text}, {duck.literal(f)})' for f in formats)})"
    return f"try_strptime({text}, [{', '.join(map(duck.literal, formats))}])"


def _has_digit_sql(text: str, formats: Sequence[str]) -> str:
    """Cheaply where every format begins with a number."""
    if all(re.match(r"%[YmdHIyj]", f) for f in formats):
        return f"{text} >= '0' and {text} < ':'"
    return f"regexp_matches({text}, '[0-9]')"


def _compact_width(fmt: str) -> int | None:
    """Digits that a format without separators takes; None where it has separators."""
    parts = re.findall(r"%.", fmt)
    if "".join(parts) != fmt or not all(p in COMPACT_WIDTHS for p in parts):
        return None
    return sum(COMPACT_WIDTHS[p] for p in parts)
