"""What a connector gives: a relation of text columns under canonical names, in one open connection.

Landing writes it in one COPY, so no connector has a writer of its own, and nothing of a row is held
anywhere between source and batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import NamedTuple

import duckdb
import pyarrow as pa

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import NotProvided

Locator = Callable[[duckdb.DuckDBPyConnection, Sequence[str], Sequence[Sequence[str | None]]], list[str]]


class Relation(NamedTuple):
    """`sql`: what stands after FROM; `columns`: canonical → expression over it, every one text.

    `origin`: the query or file, without secrets; `notes`: what was dropped or is absent, complete
    once the relation was read to its end. `validator`: by it the source can be asked later whether this
    is still the whole truth. `locate(con, columns, texts)`: which page, file or sheet rows came from in which
    the columns hold one of these lists of texts. `is_volatile`: another capture may well give another answer.
    `of_days(days)`: the rows of several days, if one statement may read them; `_day` counts the days from 0, and the
    origin of each stands beside. It lasts as long as this one.
    """

    sql: str
    columns: dict[str, str]
    origin: str
    notes: Sequence[str]
    validator: str = ""
    locate: Locator | None = None
    is_volatile: bool = False
    of_days: Callable[[Sequence[date]], tuple[Relation, list[str]]] | None = None


@contextmanager
def register_chunks(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], chunks: Iterable[Sequence[Sequence[str | None]]]
) -> Iterator[str]:
    """Chunks of columns of text as a relation that is read once, in constant memory.

    What the chunks raise comes out as itself, not as DuckDB's words about it: the COPY fails, and half
    a stream never becomes a batch.
    """
    schema = pa.schema([(name, pa.string()) for name in names])
    raised: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for columns in chunks:
                yield pa.record_batch([pa.array(c, pa.string()) for c in columns], schema=schema)
        except Exception as error:
            raised.append(error)
            raise

    con.register("incoming", pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        yield "incoming"
    except duckdb.Error:
        if raised:
            raise raised[0] from None
        raise
    finally:
        con.unregister("incoming")


def today() -> date:
    """The day it is in the place's own zone."""
    return datetime.now(LOCAL_ZONE).date()


def tells_only_now(source: Source) -> bool:
    """Whether each pull gives the state at the pull, whatever day is asked for: no day stands in the question."""
    if source.connector == "files":
        return not source.inbox and "{partition}" not in str(source.path)
    if source.connector == "http":
        return not source.asks_for_day_over_http()
    return not source.cursor and not re.search(r"(?<![:\w\\]):partition\b", source.query or "")


def refuse_the_past(source: Source, partition: date) -> None:
    """NotProvided for an older day of a source that only tells how things stand now.

    The night after counts as the day's own (the schedule pulls yesterday's partition at 00:30); today's
    state under an earlier day would be a false history.
    """
    if partition < today() - timedelta(days=1):
        raise NotProvided(
            f"{source.name} {partition}: the source only tells how things stand now, and that day is past. "
            f"If it can be asked for a past day, put the day into its address, request or query "
            f"(`{{partition}}`; in SQL `:partition`)."
        )
