"""A list that names a key twice is no whole list: pages overlapped, a part came twice, or two lists were joined.

Rows of a log may repeat: they are counted once (audit.reconciliation).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.landing.batches import list_columns
from pipelines.landing.gathered import TABLE, GatheredTable
from pipelines.privacy.detectors import REMOVED
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.identity import list_identity
from pipelines.sources.errors import DeliveryRefused, SourceError
from pipelines.sources.notes import CHECK, EXAMPLES
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

    @property
    def has_ways(self) -> bool:
        """Whether an example is written in more than one way."""
        return any(len(ways) > 1 for ways in self.examples)


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
            f"its key, or correct `paging` of {source.name} in sources.yaml. {_describe_way_out(repetition)}"
        )
    raise DeliveryRefused(
        f"{text} Ask the source for one whole export, or correct `path`, `sheets` or `query` of {source.name} in "
        f"sources.yaml. {_describe_way_out(repetition)}"
    )


def _describe_way_out(repetition: Repetition) -> str:
    text = "Where the list may name a key twice, say `repeated_keys: accept`; then the later row counts"
    return f"{text}, and each way of writing a key as one of its own." if repetition.has_ways else f"{text}."


def describe_repetition(repetition: Repetition, labels: list[list[str]]) -> str:
    """`2 keys stand in this list more than once (2 rows too many): 'VM-010' (pages 1 and 2), …`."""
    examples = []
    for texts, here in zip(repetition.examples, labels, strict=True):
        keys = " and ".join(repr("|".join(text or "" for text in key)) for key in texts[:2])
        examples.append(f"{keys} ({'; '.join(here)})" if here else keys)
    more = repetition.keys - len(examples)
    verb = "key stands" if repetition.keys == 1 else "keys stand"
    rows = "1 row" if repetition.rows == 1 else f"{repetition.rows} rows"
    end = f" and {more} more" if more else ""
    aside = " if case, blanks and signs at the end do not count" if repetition.has_ways else ""
    return f"{repetition.keys} {verb} in this list more than once{aside}, {rows} too many: {', '.join(examples)}{end}"


def find_repetition(con: duckdb.DuckDBPyConnection, source: Source, relation: str) -> Repetition | None:
    """None where no key of `relation` (landed columns) repeats, or where keys may."""
    identity = list_identity(source)
    if not identity:
        return None
    present = {str(row[0]) for row in con.execute(f"describe from {relation}").fetchall()}
    by_name = {c.name: c for c in source.columns if c.name in present}
    columns = [by_name[name] for name in identity if name in by_name]
    if not columns or columns[0].name != identity[0]:
        return None
    cleaned = [fold_key_sql(clean_text_sql(source, column)) for column in columns]
    if (steps := source.step_columns) and set(steps) <= present:
        cleaned += [duck.identifier(steps.at), _state_sql(source, by_name[steps.state])]
    texts = [duck.identifier(column.name) for column in columns]
    query = read_sql("pipelines.landing", "repeated_keys", cleaned=cleaned, texts=texts, relation=relation)
    rows = con.execute(query).fetchall()
    if not rows:
        return None
    names = tuple(column.name for column in columns)
    return Repetition(names, int(rows[0][0]), int(rows[0][1]), [texts for _, _, texts in rows])


def fold_key_sql(text: str) -> str:
    """SQL of a key's cleaned text as two that are one by all appearances agree: case and a dot at the end aside.

    NULL where there is none, or none is left: what personal data left behind is no key.
    """
    return f"case when not contains({text}, {duck.literal(REMOVED)}) then rtrim(lower({text}), '.,;: ') end"


def note_alike_codes(con: duckdb.DuckDBPyConnection, source: Source, batch: Path) -> tuple[str, ...]:
    """Of a log, whose rows may repeat: the codes that differ by no more than case or a dot at their end."""
    relation = f"read_parquet({duck.literal(batch)})"
    notes = []
    for column in _list_items(source, list_columns(batch)):
        rows = con.execute(
            f"select list(code order by code) as texts, count(*) over () "
            f"from ({_list_codes_sql(source, column, relation)}) "
            f"group by {fold_key_sql('code')} having count(code) > 1 order by texts limit 5"
        ).fetchall()
        if rows:
            examples = ", ".join(" and ".join(map(repr, texts)) for texts, _ in rows)
            notes.append(
                f"{CHECK}{rows[0][1]} codes in {column.name} are written in two ways, and count as two"
                f"{EXAMPLES}{examples}"
            )
    return tuple(notes)


def find_alike_days(con: duckdb.DuckDBPyConnection, source: Source, table: GatheredTable) -> set[int]:
    """The days of whose batches `note_alike_codes` has a note."""
    days: set[int] = set()
    for column in _list_items(source, table.names):
        rows = con.execute(
            f"select distinct _day from (select _day from ({_list_codes_sql(source, column, TABLE, '_day, ')}) "
            f"group by _day, {fold_key_sql('code')} having count(code) > 1)"
        ).fetchall()
        days |= {int(day) for (day,) in rows}
    return days


def _list_items(source: Source, present: Collection[str]) -> list[Column]:
    """The columns of a log that name what its rows are about; none of a list, whose keys do not repeat."""
    canonical = read_canon().sources.get(source.name)
    items = canonical.item if canonical and not list_identity(source) else ()
    return [column for column in source.columns if column.name in items and column.name in present]


def _list_codes_sql(source: Source, column: Column, relation: str, keys: str = "") -> str:
    return f"select distinct {keys}{clean_text_sql(source, column)} as code from {relation}"


def _state_sql(source: Source, status: Column) -> str:
    """A dossier of a table has each milestone once, and one state of its own besides."""
    words = ", ".join(map(duck.literal, source.milestones.values()))
    text = clean_text_sql(source, status)
    return f"case when {text} in ({words}) then {text} else '' end"
