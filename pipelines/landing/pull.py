"""One partition of one source: its connector's relation written as a batch, in one COPY."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing import arrivals
from pipelines.landing.batches import Batch, find_newest_batches, write_batch
from pipelines.landing.drift import check_drift
from pipelines.privacy.detectors import AMONG_CODES, DETECTORS, any_detected_sql, detected_sql, redacted_sql
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.database import connector as database
from pipelines.sources.errors import PermanentSourceError, Unchanged
from pipelines.sources.files import connector as files
from pipelines.sources.http import connector as http
from pipelines.sources.relation import PullFunction, Relation
from pipelines.sources.states import unfold_milestones
from pipelines.sources.values.parsing import typed_value_sql

CONNECTORS: dict[str, PullFunction] = {
    "database": database.pull,
    "files": files.pull,
    "http": http.pull,
}


def land_partition(
    source: Source,
    partition: date,
    settings: Settings,
    *,
    run_id: str,
    con: duckdb.DuckDBPyConnection | None = None,
) -> Batch:
    """Land one new batch; SourceError (or a subclass) where the source does not give a whole one.

    An API that says that nothing changed since the batch of this partition gets no second one: that batch
    is returned. A range of days passes one open connection: loading a scanner costs more than a small
    day's rows.
    """
    if con is None:
        with duck.connect(settings.extensions) as own:
            return land_partition(source, partition, settings, run_id=run_id, con=own)

    connector, former = CONNECTORS[source.connector], None
    if source.connector == "http":
        former = find_newest_batches(settings.landing, source.name).get(str(partition))
        connector = partial(http.pull, known=former.validator if former and former.path.exists() else "")

    def write(out: Path) -> tuple[str, tuple[str, ...], str]:
        with connector(source, partition, settings, con) as found:
            relation = unfold_milestones(source, partition, found)
            con.execute(
                f"copy ({batch_sql(source, relation)}) to {duck.literal(out)} "
                f"(format parquet, compression zstd)"
            )
        notes = (*relation.notes, *check_drift(con, source, str(partition), out))
        return relation.origin, notes, relation.validator

    try:
        batch = write_batch(settings.landing, source.name, partition.isoformat(), write, run_id=run_id)
    except Unchanged:
        assert former is not None
        return former
    except files.FileRefused as error:
        raise PermanentSourceError(f"{error}{arrivals.set_file_aside(source, settings, error)}") from None
    arrivals.archive_counted_files(source, settings)
    return batch


def batch_sql(source: Source, relation: Relation) -> str:
    """What is written of the connector's rows: nothing personal comes to rest.

    Free text and codes are scanned; a mapped or typed column only where it holds neither a word that
    its map knows nor a value of its type. Keys are left as they are: they are what a row is found by.
    A row is asked once, over its joined texts, whether any of them needs a look: half the price.
    """
    named = {column.name: column for column in source.columns}
    codes = source.scanned_columns() - source.free_text_columns()
    watched = [
        name for name in relation.columns if name in source.scanned_columns() or not _is_text(named[name])
    ]
    others = [duck.identifier(name) for name in watched if name not in codes]
    found = [
        any_detected_sql(others, DETECTORS),
        any_detected_sql([duck.identifier(name) for name in watched if name in codes], AMONG_CODES),
    ]
    stored = ", ".join(
        f"case when _found then {_stored(source, named[name])} else {duck.identifier(name)} end "
        f"as {duck.identifier(name)}"
        if name in watched
        else duck.identifier(name)
        for name in relation.columns
    )
    texts = ", ".join(f"{text} as {duck.identifier(name)}" for name, text in relation.columns.items())
    return (
        f"select {stored} from (select *, {' or '.join(found)} as _found "
        f"from (select {texts} from {relation.sql}))"
    )


def _is_text(column: Column) -> bool:
    return column.type == "text" and not column.meanings


def _stored(source: Source, column: Column) -> str:
    text = duck.identifier(column.name)
    if column.meanings:
        words = ", ".join(duck.literal(word) for word in column.meanings)
        return f"case when {text} in ({words}) then {text} else {redacted_sql(text)} end"
    if column.type != "text":
        plain = column.model_copy(update={"default": None, "fallback": None})
        unread = f"{typed_value_sql(source, plain, lambda _: text)} is null"
        return f"case when {detected_sql(text)} and {unread} then {redacted_sql(text)} else {text} end"
    return redacted_sql(text, DETECTORS if column.name in source.free_text_columns() else AMONG_CODES)
