"""What a reader makes of one export: its headers, and how its mapped columns are selected as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from pipelines import duck
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.files.streams import StreamFiles
from pipelines.sources.files.unpacking import Member
from pipelines.sources.values.list_rest import Rest


class TableFragment(NamedTuple):
    """`select(canonical → header)`: SQL of these columns as text; `constants`: header → its one value."""

    member: Member
    headers: list[str]
    select: Callable[[Mapping[str, str]], str]
    notes: Sequence[str] = ()
    constants: Mapping[str, str] = {}


class Unreadable(ValueError):
    """An export that cannot be read: `member` and the reason, without its contents."""

    def __init__(self, member: Member, reason: str) -> None:
        super().__init__(reason)
        self.member = member


class Document(NamedTuple):
    """A JSON document of a delivery: its records, and how many records and documents it says there are in all.

    `rest`: what it says of its list where sources.yaml names no place for that.
    """

    member: Member
    records: int
    record_total: int | None
    page_total: int | None
    rest: Rest


class ReadSession:
    """One pull: the source, the connection and what is registered in it until the batch is written.

    `unclean`: path → whether its cells may need cleaning; `failure`: what stopped a stream of ours while
    DuckDB read it.
    """

    def __init__(
        self,
        source: Source,
        con: duckdb.DuckDBPyConnection,
        streams: StreamFiles,
        unclean: Mapping[str, bool],
    ) -> None:
        self.source, self.con, self.streams = source, con, streams
        self.unclean = unclean
        self.columns: dict[str, Column] = {c.name: c for c in source.columns}
        self.failure: Exception | None = None
        # What DuckDB calls a file → the export that it is.
        self.members: dict[str, Member] = {}
        self.documents: list[Document] = []
        # Of exports whose header is not their first line: how many stand above it.
        self.lines_above: dict[str, int] = {}
        self.resources = ExitStack()
        self._registered = 0

    def register(self, table: Any) -> str:
        """A table (or an object with `__arrow_c_stream__`) under a name of its own."""
        name = f"file_part_{self._registered}"
        self._registered += 1
        self.con.register(name, table)
        self.resources.callback(self.con.unregister, name)
        return duck.identifier(name)

    def register_texts(self, columns: Mapping[str, list[str | None]]) -> str:
        """Columns of equal length, all text, as one registered table."""
        arrays = {name: pa.array(texts, pa.string()) for name, texts in columns.items()}
        return self.register(pa.table(arrays))
