"""What is written of a connector's rows: nothing personal comes to rest.

Free text, codes and keys are scanned; a mapped or typed column only where it holds neither a word that its map
knows nor a value of its type. The connection knows the detectors (`register_detectors`).
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines import duck
from pipelines.landing.controls import select_plain_sql
from pipelines.privacy.detectors import (
    CODES,
    FREE_TEXT,
    VALUES,
    Scan,
    any_candidate_sql,
    redacted_each_sql,
    redacted_sql,
)
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.relation import Relation
from pipelines.sources.values.parsing import typed_value_sql


def batch_sql(source: Source, relation: Relation, keys: Sequence[str] = ()) -> str:
    """SQL of the batch: the relation's columns as text, what looks personal in them replaced.

    A row is asked once, over its joined texts, whether any of them needs a look: half the price. `keys`: columns
    of `relation.sql` that stand before them as they are.
    """
    columns = {column.name: column for column in source.columns}
    scans = {name: scan for name in relation.columns if (scan := find_scan(source, columns[name]))}

    texts = [f"{text} as {duck.identifier(name)}" for name, text in relation.columns.items()]
    listed = ", ".join([*keys, *texts])
    plain = select_plain_sql(list(relation.columns), f"(select {listed} from {relation.sql})", keys)
    has_personal_data = " or ".join(
        any_candidate_sql([duck.identifier(name) for name in scans if scans[name] is scan], scan)
        for scan in (FREE_TEXT, CODES, VALUES)
    )
    # Written once for all columns that are treated alike: a small batch costs what it takes to plan its statement.
    alike: dict[str, list[str]] = {}
    for name in scans:
        alike.setdefault(_redacted_cell_sql(source, columns[name]), []).append(name)
    stored = {name: duck.identifier(name) for name in relation.columns}
    redacted = ""
    for number, (sql, names) in enumerate(alike.items()):
        cells = f"list_transform([{', '.join(map(duck.identifier, names))}], lambda _cell: {sql})"
        redacted += f", case when _is_personal then {cells} end as _cells_{number}"
        for at, name in enumerate(names, 1):
            cell = duck.identifier(name)
            stored[name] = f"case when _is_personal then _cells_{number}[{at}] else {cell} end as {cell}"
    # Subqueries, no CTE: DuckDB would hold the rows of one in memory.
    return (
        f"select {', '.join([*keys, *stored.values()])} from (select *{redacted} from "
        f"(select *, {has_personal_data} as _is_personal from ({plain})))"
    )


def find_scan(source: Source, column: Column) -> Scan | None:
    """How a landed column is looked at; None for a text that the contract exempts."""
    if column.type != "text" or column.meanings:
        return VALUES
    if column.name not in source.scanned_columns():
        return None
    return CODES if column.name in source.code_columns() else FREE_TEXT


def _redacted_cell_sql(source: Source, column: Column) -> str:
    """SQL of `_cell`, a cell of this column, in a row where something looks personal."""
    text = "_cell"
    if column.meanings:
        words = ", ".join(duck.literal(word) for word in column.meanings)
        return f"case when {text} in ({words}) then {text} else {redacted_each_sql(text, VALUES)} end"
    if column.type != "text":
        plain = column.model_copy(update={"default": None, "fallback": None})
        value = typed_value_sql(source, plain, lambda _: text)
        return f"case when {value} is null then {redacted_each_sql(text, VALUES)} else {text} end"
    return redacted_sql(text, find_scan(source, column) or FREE_TEXT)
