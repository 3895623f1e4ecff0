"""Drift that only the rows show: words a value map does not know, columns that no longer parse.

It stands in the notes of the batch; the suite still evaluates every row on its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.landing.batches import list_columns
from pipelines.landing.gathered import TABLE, GatheredTable
from pipelines.privacy.detectors import redacted_sql
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.values.characters import describe_characters
from pipelines.sources.values.moments import is_of_moments, read_moment_sql
from pipelines.sources.values.parsing import clean_text_sql, typed_value_sql

SAMPLE_ROWS = 1_000
# Fewer texts than this say nothing about a column's type.
ENOUGH = 10
WORDS_LISTED = 8
# Kinds of drift: words that a value map does not know, columns of which no text reads.
WORDS, TYPES = KINDS = ("unknown words", "changed types")


class Change(NamedTuple):
    """One way in which the rows differ from the contract; `mode`: warn or fail, as the contract says."""

    mode: str
    text: str


def check_drift(
    con: duckdb.DuckDBPyConnection, source: Source, partition: str, path: Path, kinds: Collection[str] = KINDS
) -> tuple[str, ...]:
    """Notes of these `kinds` for the batch in `path`; DeliveryRefused where the contract says `fail`."""
    changes = list(_find_changes(con, source, path, kinds))
    refused = [change.text for change in changes if change.mode == "fail"]
    if refused:
        raise DeliveryRefused(
            f"{source.name} {partition}: {'; '.join(refused)}. `drift` of {source.name} in sources.yaml "
            "forbids it; nothing was landed. Add the words or formats there, or correct the source."
        )
    return tuple(change.text for change in changes)


def find_drifting_days(
    con: duckdb.DuckDBPyConnection, source: Source, table: GatheredTable
) -> dict[str, set[int]]:
    """Of each kind the days in whose batches `check_drift` finds something."""
    columns = [column for column in source.columns if column.name in table.names]
    days: dict[str, set[int]] = {kind: set() for kind in KINDS}
    with_words = [column for column in columns if column.meanings]
    if with_words and source.drift.unknown_word != "ignore":
        is_unknown = " or ".join(f"bool_or({_is_unknown_sql(column)})" for column in with_words)
        rows = con.execute(f"select _day from {TABLE} group by 1 having {is_unknown}").fetchall()
        days[WORDS] = {int(day) for (day,) in rows}
    if source.drift.changed_type != "ignore":
        unreadable = _list_unreadable(con, source, columns, table.select_first(SAMPLE_ROWS))
        days[TYPES] = {day for day, _ in unreadable}
    return days


def _find_changes(
    con: duckdb.DuckDBPyConnection, source: Source, path: Path, kinds: Collection[str]
) -> Iterator[Change]:
    relation = f"read_parquet({duck.literal(path)})"
    present = set(list_columns(path))
    columns = [column for column in source.columns if column.name in present]
    if WORDS in kinds and source.drift.unknown_word != "ignore":
        with_words = [column for column in columns if column.meanings]
        for name, words in count_unknown_words(con, source, with_words, relation).items():
            yield Change(source.drift.unknown_word, f"words unknown in {name}: {_list_words(words)}")
    if TYPES in kinds and source.drift.changed_type != "ignore":
        types = {column.name: column.type for column in columns}
        for name, outlines in _find_unreadable(con, source, columns, relation).items():
            text = f"no value of {name} reads as {types[name]}: {', '.join(map(repr, outlines))}"
            yield Change(source.drift.changed_type, text)


def count_unknown_words(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[Column], relation: str
) -> dict[str, dict[str, int]]:
    """column → word → rows, for words its value map does not know; one scan where all are known.

    `columns`: those with a value map. Words are redacted: a note is stored with the batch.
    """
    if not columns:
        return {}
    questions = ", ".join(f"bool_or({_is_unknown_sql(column)})" for column in columns)
    answers = con.execute(f"select {questions} from {relation}").fetchone() or ()
    counts: dict[str, dict[str, int]] = {}
    for column, has_unknown in zip(columns, answers, strict=True):
        if not has_unknown:
            continue
        rows = con.execute(
            f"select {redacted_sql('word')}, n "
            f"from (select {clean_text_sql(source, column)} as word, count(*) as n "
            f"from {relation} where {_is_unknown_sql(column)} group by 1) where word is not null "
            f"and word not in ({_words_sql(column)}) order by n desc, word"
        ).fetchall()
        if rows:
            counts[column.name] = {str(word): int(count) for word, count in rows}
    return counts


def _is_unknown_sql(column: Column) -> str:
    name = duck.identifier(column.name)
    return f"{name} is not null and {name} not in ('', {_words_sql(column)})"


def _words_sql(column: Column) -> str:
    return ", ".join(duck.literal(word) for word in column.meanings or {})


def _find_unreadable(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[Column], relation: str
) -> dict[str, list[str]]:
    """Typed column → up to three outlines of its texts, where none of its first rows reads.

    One scan where all columns read, which is the rule: outlines are asked only of those that do not.
    """
    first_rows = f"(select 0 as _day, * from {relation} limit {SAMPLE_ROWS})"
    unreadable = {name for _, name in _list_unreadable(con, source, columns, first_rows)}
    typed = [column for column in columns if column.name in unreadable]
    if not typed:
        return {}
    texts = ", ".join(f"{clean_text_sql(source, c)} as {duck.identifier(c.name)}" for c in typed)
    outlines = ", ".join(f"list(distinct {outline_sql(duck.identifier(c.name))})[:3]" for c in typed)
    lists = con.execute(f"select {outlines} from (select {texts} from {first_rows})").fetchone()
    assert lists is not None
    return {column.name: list(outline) for column, outline in zip(typed, lists, strict=True)}


def _list_unreadable(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[Column], first_rows: str
) -> set[tuple[int, str]]:
    """`_day` and typed column of which enough texts stand in the relation `first_rows`, and none of them reads."""
    typed = [c for c in columns if c.type != "text" and not c.meanings and not c.fallback]
    if not typed:
        return set()
    counts = " union all ".join(_count_readable_sql(source, alike) for alike in _group_alike(source, typed))
    rows = con.execute(f"with first_rows as materialized (from {first_rows}) {counts}").fetchall()
    return {
        (int(day), str(name)) for day, name, filled, readable in rows if filled >= ENOUGH and not readable
    }


def _group_alike(source: Source, columns: list[Column]) -> list[list[Column]]:
    """Columns that are read by the same SQL: a small batch costs what it takes to plan that, not its rows."""
    groups: dict[tuple[str, ...], list[Column]] = {}
    for column in columns:
        groups.setdefault(_read_cell_sql(source, column), []).append(column)
    return list(groups.values())


def _read_cell_sql(source: Source, column: Column) -> tuple[str, str, str]:
    """SQL of the cleaned text of `_cell`, of the moment that `_text` says, and of what both read as; as in `column`."""
    cell = column.model_copy(update={"name": "_cell"})
    moment = read_moment_sql(source, cell, "_text") if is_of_moments(cell) else "null"
    return (
        clean_text_sql(source, cell),
        moment,
        typed_value_sql(source, cell, lambda _: "_text", lambda _: "_moment"),
    )


def _count_readable_sql(source: Source, alike: list[Column]) -> str:
    """SQL of `_day`, column, the number of its texts in `first_rows`, and of those that read as its type."""
    text, moment, value = _read_cell_sql(source, alike[0])
    names = ", ".join(duck.literal(column.name) for column in alike)
    cells = ", ".join(duck.identifier(column.name) for column in alike)
    return (
        f"select _day, _name, count(_text), count({value}) from (select *, {moment} as _moment from "
        f"(select _day, _name, {text} as _text from "
        f"(select _day, unnest([{names}]) as _name, unnest([{cells}]) as _cell from first_rows))) group by 1, 2"
    )


def outline_sql(text: str) -> str:
    """SQL: a text's outline, digits as 9 and letters as A: enough to write a format by."""
    return f"left(regexp_replace(regexp_replace({text}, '\\d', '9', 'g'), '\\pL', 'A', 'g'), 40)"


def _show_word(word: str) -> str:
    signs = describe_characters(word)
    return f"{word[:40]!r}{f' [{signs}]' if signs else ''}"


def _list_words(words: dict[str, int]) -> str:
    texts = [f"{_show_word(word)} ({count})" for word, count in list(words.items())[:WORDS_LISTED]]
    more = len(words) - len(texts)
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")
