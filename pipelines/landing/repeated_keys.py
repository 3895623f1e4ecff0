"""A list that names a key twice is no whole list: pages overlapped, a part came twice, or two lists were joined.

Rows of a log may repeat: they are counted once (audit.reconciliation).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.identity import list_identity
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.relation import Relation
from pipelines.sources.values.parsing import clean_text_sql
from pipelines.sql import read_sql


class Repetition(NamedTuple):
    """How many keys stand there more than once, and how many rows are too many.

    `examples`: of the first keys every way in which their `columns` are written.
    """

    columns: tuple[str, ...]
    keys: int
    rows: int
    examples: list[list[list[str | None]]]


def check_repeated_keys(
    con: duckdb.DuckDBPyConnection, source: Source, partition: str, batch: Path, relation: Relation
) -> None:
    """SourceError where a list in the file `batch` has a key twice; what can be asked again, is.

    `relation`: what the file was written of, still open; it knows where a key came from.
    """
    repetition = find_repetition(con, source, f"read_parquet({duck.literal(batch)})")
    if repetition is None:
        return
    places = [
        relation.locate(con, repetition.columns, texts) if relation.locate else []
        for texts in repetition.examples
    ]
    text = (
        f"{source.name} {partition}: {describe_repetition(repetition, places)}. Nothing was landed: where one comes "
        f"twice another is likely to be missing, whatever the totals say."
    )
    if relation.is_volatile:
        raise SourceError(
            f"{text} The capture is tried again as a whole; if it stays so, the pages overlap: have the API sort by "
            f"its key, or correct `paging` of {source.name} in sources.yaml. {_describe_way_out()}"
        )
    raise PermanentSourceError(
        f"{text} Ask the source for one whole export, or correct `path`, `sheets` or `query` of {source.name} in "
        f"sources.yaml. {_describe_way_out()}"
    )


def _describe_way_out() -> str:
    return "Where the list may name a key twice, say `repeated_keys: accept`; then the later row counts."


def describe_repetition(repetition: Repetition, places: list[list[str]]) -> str:
    """`2 keys stand in this list more than once (2 rows too many): 'VM-010' (pages 1 and 2), …`."""
    examples = []
    for texts, labels in zip(repetition.examples, places, strict=True):
        key = "|".join(text or "" for text in texts[0])
        examples.append(f"{key!r} ({'; '.join(labels)})" if labels else repr(key))
    more = repetition.keys - len(examples)
    verb = "key stands" if repetition.keys == 1 else "keys stand"
    rows = "1 row" if repetition.rows == 1 else f"{repetition.rows} rows"
    end = f" and {more} more" if more else ""
    return (
        f"{repetition.keys} {verb} in this list more than once, {rows} too many: {', '.join(examples)}{end}"
    )


def find_repetition(con: duckdb.DuckDBPyConnection, source: Source, relation: str) -> Repetition | None:
    """None where no key of `relation` (landed columns) repeats, or where keys may."""
    identity = list_identity(source)
    present = {str(row[0]) for row in con.execute(f"describe from {relation}").fetchall()}
    by_name = {c.name: c for c in source.columns if c.name in present}
    columns = [by_name[name] for name in identity if name in by_name]
    if not columns or columns[0].name != identity[0]:
        return None
    cleaned = [clean_text_sql(source, column) for column in columns]
    if source.milestones and {"recorded_at", "status_code"} <= present:
        cleaned += [duck.identifier("recorded_at"), _state_sql(source, by_name["status_code"])]
    texts = [duck.identifier(column.name) for column in columns]
    query = read_sql("pipelines.landing", "repeated_keys", cleaned=cleaned, texts=texts, relation=relation)
    rows = con.execute(query).fetchall()
    if not rows:
        return None
    names = tuple(column.name for column in columns)
    return Repetition(names, int(rows[0][0]), int(rows[0][1]), [texts for _, _, texts in rows])


def _state_sql(source: Source, status: Column) -> str:
    """A dossier of a table has each milestone once, and one state of its own besides."""
    words = ", ".join(map(duck.literal, source.milestones.values()))
    text = clean_text_sql(source, status)
    return f"case when {text} in ({words}) then {text} else '' end"
