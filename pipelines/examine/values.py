"""Values against the contract: unknown words, unread times, unknown codes, personal data out of place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import duckdb

from pipelines import duck
from pipelines.examine.advice import Examination
from pipelines.landing.drift import count_unknown_words, outline_sql
from pipelines.privacy.detectors import count_personal_data
from pipelines.quality.suite import Suite
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.names import find_closest
from pipelines.sources.contracts.table_contract import find_exchanged_formats
from pipelines.sources.values.characters import describe_characters
from pipelines.sources.values.datetime_formats import describe_texts, suggest_formats
from pipelines.sources.values.moments import is_of_moments, read_moment_sql
from pipelines.sources.values.parsing import (
    clean_text_sql,
    has_unknown_scale_sql,
    is_empty_sql,
    is_unsigned_sql,
    typed_value_sql,
)
from pipelines.sources.values.placeholders import is_declared_sql, is_placeholder_sql

ROWS_LISTED = 5


def examine_values(
    seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, extra: dict[str, str]
) -> None:
    """Over table `sample`; `extra`: its column → the header outside the contract that it was read from."""
    present = {str(row[0]) for row in con.execute("describe sample").fetchall()}
    columns = [c for c in source.columns if c.name in present]
    _examine_words(seen, source, con, [c for c in columns if c.meanings])
    for column in columns:
        if is_of_moments(column):
            _examine_placeholders(seen, source, con, column)
        if column.type == "percent" and not column.percent_scale:
            _examine_scale(seen, source, con, column)
        if column.type != "text" and not column.meanings:
            _examine_type(seen, source, con, column)
    _examine_personal(seen, source, con, extra)


def _examine_words(
    seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, columns: list[Column]
) -> None:
    """Every unknown word with its rows. A likeness of letters is told, and never suggested: it is none of meaning."""
    unknown = count_unknown_words(con, source, columns, "sample")
    for column in columns:
        meanings = column.meanings or {}
        allowed = list(column.words or dict.fromkeys(meanings.values()))
        for word, rows in unknown.get(column.name, {}).items():
            signs = describe_characters(word)
            text = (
                f"{rows} rows say {word!r}{f' [{signs}]' if signs else ''}, which the value map does not know"
            )
            meaning = _find_meaning(word, column)
            if meaning:
                text += f"; it is how {meaning} is written elsewhere"
                seen.suggest("columns", column.name, "value_map", word, to=meaning)
            else:
                near = _find_alike(word, [k for k in meanings if not k.isdigit()])
                text += f"; say which of {', '.join(allowed)} it means"
                text += f" (only the letters are like {near!r})" if near else ""
                seen.unknown_words.setdefault(column.name, {})[word] = rows
                seen.meanings[column.name] = allowed
            seen.add_advice("warning", column.name, text)


def _find_meaning(word: str, column: Column) -> str | None:
    """By the mapped words, the canonical ones and their aliases, capitals, blanks and signs aside; accents count."""
    aliases = {alias: meaning for meaning, names in column.word_aliases.items() for alias in names}
    by_word = aliases | {name: name for name in column.words} | (column.meanings or {})
    return {_plain(name): meaning for name, meaning in by_word.items()}.get(_plain(word))


def _plain(word: str) -> str:
    """Without capitals, blanks and signs; `C++` and `C`, or a word of signs alone, are not made one."""
    letters = "".join(c for c in unicodedata.normalize("NFC", word).casefold() if c.isalnum())
    return letters if len(letters) > 2 else word


def _find_alike(word: str, candidates: Iterable[str]) -> str | None:
    """Nearer than a header must be: `Trực tuyến` (online) is no slip of the pen for `Trực tiếp`."""
    return find_closest(word, candidates, 0.75) if len(word) > 2 else None


def _examine_type(seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, column: Column) -> None:
    """Texts that no declared format reads, by their shape; a value itself is never shown."""
    name = duck.identifier(column.name)
    plain = column.model_copy(update={"fallback": None, "default": None})
    value = typed_value_sql(source, plain, lambda c: duck.identifier(c.name))
    rows = con.execute(
        f"select {outline_sql(name)} as outline, count(*) as n, list(distinct {name})[:50] "
        f"from (select {clean_text_sql(source, column)} as {name} from sample) "
        f"where not {is_empty_sql(source, plain, name)} and {value} is null "
        f"group by 1 order by n desc, outline limit {ROWS_LISTED}"
    ).fetchall()
    for outline, count, texts in rows:
        text = f"{count} rows hold a text of the shape {outline!r}, which is no {column.type}"
        if is_of_moments(column) and _is_read(con, source, column, list(texts)):
            text = f"{count} rows hold a text of the shape {outline!r}, whose year is implausible"
        elif is_of_moments(column):
            key = "datetime_formats" if column.type == "timestamp" else "date_formats"
            text = f"{count} rows hold a text of the shape {outline!r}, which no format of `{key}` reads"
            formats = suggest_formats(con, list(texts))
            if formats:
                earlier = seen.changes.get(key, list(getattr(source, key)))
                exchanged = [f for f in earlier if find_exchanged_formats([f, formats[0]])]
                seen.changes[key] = [f for f in earlier if f not in (*exchanged, formats[0])] + formats[:1]
                text += f"; {formats[0]!r} would{describe_texts(list(texts), formats[0])}"
                text += "".join(f", in the place of {f!r}" for f in exchanged)
            if len(formats) > 1:
                text += f", and so would {formats[1]!r}: which is day and which month, only the owner knows"
        seen.add_advice("warning", column.name, text)


def _examine_scale(seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, column: Column) -> None:
    name = duck.identifier(column.name)
    row = con.execute(
        f"select {has_unknown_scale_sql(source, name)}, count(*) filter ({is_unsigned_sql(name)}) "
        f"from (select {clean_text_sql(source, column)} as {name} from sample)"
    ).fetchone()
    if row and row[0]:
        seen.add_advice(
            "warning",
            column.name,
            f"{row[1]} rows hold numbers without a % sign, none of which tells whether 1 is 1 % or 100 %: they have "
            f"no value until `columns.{column.name}` says `percent_scale: fraction` (1 is 100 %) or `whole`",
        )


def _is_read(con: duckdb.DuckDBPyConnection, source: Source, column: Column, texts: list[str]) -> bool:
    """Whether the declared formats read all of `texts`, however implausible the moments."""
    moment = read_moment_sql(source, column, "t")
    row = con.execute(
        f"select bool_and({moment} is not null) from unnest(?) as texts (t)", [texts]
    ).fetchone()
    return bool(row and row[0])


def _examine_placeholders(
    seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, column: Column
) -> None:
    """Rows per text that stands for no date, and where sources.yaml should name its day."""
    name = duck.identifier(column.name)
    moment = read_moment_sql(source, column, name)
    rows = con.execute(
        f"select coalesce(strftime({moment}, '%Y-%m-%d'), {name}), count(*) "
        f"from (select {clean_text_sql(source, column)} as {name} from sample) "
        f"where {name} is not null and {is_placeholder_sql(source, name, moment)} "
        f"and not {is_declared_sql(source, moment)} group by 1 order by 2 desc, 1"
    ).fetchall()
    for day, count in rows:
        outcome = "such rows are rejected" if column.required else "they count as empty"
        text = f"{count} rows hold {day}, which stands for no date: {outcome}"
        if re.fullmatch(r"\d{4}-\d\d-\d\d", day) and not day.startswith("0000") and not column.required:
            text += "; if that is right, name it under `placeholder_dates`"
            days = seen.changes.setdefault("placeholder_dates", list(map(str, source.placeholder_dates)))
            days += [day] if day not in days else []
        seen.add_advice("warning", column.name, text)


def _examine_personal(
    seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, extra: dict[str, str]
) -> None:
    contacts = ("phone", "e-mail")
    columns = {c.name: c for c in source.columns}
    free = source.free_text_columns()
    for (name, detector), rows in sorted(count_personal_data(con, "sample").items()):
        text = f"{rows} rows hold what looks like a {detector}"
        if name in extra:
            seen.suggest("personal", extra[name], to="contact" if detector in contacts else "id_number")
            seen.add_advice(
                "warning", extra[name], f"{text}; it is not declared. Declare it under `personal`"
            )
        elif name in free:
            seen.add_advice("warning", name, f"{text}; it would be removed and the row rejected")
        elif columns[name].type == "text" and columns[name].scan and detector != "9-digit id":
            header = seen.mapped.get(name, name)
            seen.add_advice(
                "error", name, f"{text}; is {header!r} the right header? If these are codes: `scan: false`"
            )


def examine_codes(seen: Examination, source: Source, con: duckdb.DuckDBPyConnection, suite: Suite) -> None:
    """Codes, as the value map gives them, that the reference (schema `raw`) knows at no date; an empty one is none."""
    present = {str(row[0]) for row in con.execute("describe sample").fetchall()}
    columns = {c.name: c for c in source.columns if c.name in present}
    for name, reference in suite.references.items():
        table = reference.table
        if name not in columns or not _has_rows(con, table):
            continue
        text = clean_text_sql(source, columns[name])
        code = typed_value_sql(source, columns[name], lambda _: "text")
        code = f"regexp_replace({code}, {duck.literal(reference.strip)}, '')" if reference.strip else code
        unknown = con.execute(
            f"select code, count(*) as n from (select {code} as code from (select {text} as text from sample)) "
            f"where code <> '' and not list_contains($besides, code) "
            f"and code not in (select {duck.identifier(reference.key)} from {duck.identifier('raw', table)} "
            f"where {duck.identifier(reference.key)} is not null) group by 1 order by n desc, code",
            {"besides": suite.list_codes_besides(name)},
        ).fetchall()
        if unknown:
            codes = ", ".join(f"{code!r} ({n})" for code, n in unknown[:ROWS_LISTED])
            more = f" and {len(unknown) - ROWS_LISTED} more" if len(unknown) > ROWS_LISTED else ""
            seen.add_advice("warning", name, f"codes that `reference.{table}` does not know: {codes}{more}")


def _has_rows(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    row = con.execute(f"select count(*) from {duck.identifier('raw', table)}").fetchone()
    return bool(row and row[0])
