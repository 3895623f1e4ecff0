"""Drift that only the rows show: words a value map does not know, columns that no longer parse.

Said when the batch is landed, in its notes; rows are still judged one by one by the suite.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.privacy.detectors import redacted_sql
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.parsing import clean_text_sql, typed_value_sql

SAMPLE_ROWS = 1_000
# Fewer texts than this say nothing about a column's type.
ENOUGH = 10
WORDS_LISTED = 8


def check_drift(
    con: duckdb.DuckDBPyConnection, source: Source, partition: str, path: Path
) -> tuple[str, ...]:
    """Notes for the batch in `path`; PermanentSourceError where the contract says `fail`."""
    present = {str(row[0]) for row in con.execute(f"describe from {_parquet(path)}").fetchall()}
    columns = [c for c in source.columns if c.name in present]
    found: list[tuple[str, str, str]] = []
    if source.drift.unknown_word != "ignore":
        words = count_unknown_words(con, source, [c for c in columns if c.meanings], _parquet(path))
        found += [
            (source.drift.unknown_word, name, f"words unknown in {name}: {_list_words(said)}")
            for name, said in words.items()
        ]
    if source.drift.changed_type != "ignore":
        found += [
            (source.drift.changed_type, c.name, f"no value of {c.name} reads as {c.type}: {shapes}")
            for c, shapes in _find_unreadable(con, source, columns, path)
        ]
    refused = [text for mode, _, text in found if mode == "fail"]
    if refused:
        raise PermanentSourceError(
            f"{source.name} {partition}: {'; '.join(refused)}. `drift` of {source.name} in sources.yaml "
            "forbids it; nothing was landed. Add the words or formats there, or correct the source."
        )
    return tuple(text for _, _, text in found)


def count_unknown_words(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[Column], relation: str
) -> dict[str, dict[str, int]]:
    """column → word → rows, for words its value map does not know; one scan where all are known."""
    if not columns:
        return {}
    asked = ", ".join(f"bool_or({_is_unknown_sql(c)})" for c in columns)
    row = con.execute(f"select {asked} from {relation}").fetchone() or ()
    found: dict[str, dict[str, int]] = {}
    for column, strange in zip(columns, row, strict=True):
        if strange:
            words = con.execute(
                f"select {redacted_sql('word')}, n "
                f"from (select {clean_text_sql(source, column)} as word, count(*) as n "
                f"from {relation} where {_is_unknown_sql(column)} group by 1) where word is not null "
                f"and word not in ({_words_sql(column)}) order by n desc, word"
            ).fetchall()
            if words:
                found[column.name] = {str(word): int(n) for word, n in words}
    return found


def _is_unknown_sql(column: Column) -> str:
    name = duck.identifier(column.name)
    return f"{name} is not null and {name} not in ('', {_words_sql(column)})"


def _words_sql(column: Column) -> str:
    return ", ".join(duck.literal(word) for word in column.meanings or {})


def _find_unreadable(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[Column], path: Path
) -> list[tuple[Column, str]]:
    typed = [c for c in columns if c.type != "text" and not c.meanings and not c.fallback]
    if not typed:
        return []
    texts = ", ".join(f"{clean_text_sql(source, c)} as {duck.identifier(c.name)}" for c in typed)
    asked = ", ".join(
        f"count({duck.identifier(c.name)}), count({typed_value_sql(source, c, _name)}), "
        f"list(distinct {outline_sql(duck.identifier(c.name))})[:3]"
        for c in typed
    )
    row = con.execute(
        f"select {asked} from (select {texts} from {_parquet(path)} limit {SAMPLE_ROWS})"
    ).fetchone()
    assert row is not None
    counted = zip(typed, row[::3], row[1::3], row[2::3], strict=True)
    return [
        (c, ", ".join(map(repr, shapes)))
        for c, texts, read, shapes in counted
        if texts >= ENOUGH and not read
    ]


def outline_sql(text: str) -> str:
    """SQL: a text's outline, digits as 9 and letters as A: enough to write a format by."""
    return f"left(regexp_replace(regexp_replace({text}, '\\d', '9', 'g'), '\\pL', 'A', 'g'), 40)"


def _name(column: Column) -> str:
    return duck.identifier(column.name)


def _list_words(words: dict[str, int]) -> str:
    texts = [f"{word[:40]!r} ({n})" for word, n in list(words.items())[:WORDS_LISTED]]
    more = len(words) - len(texts)
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def _parquet(path: Path) -> str:
    return f"read_parquet({duck.literal(path)})"
