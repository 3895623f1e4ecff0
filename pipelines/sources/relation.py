"""What a connector gives: a relation of text columns under canonical names, in one open connection.

Landing writes it in one COPY, so no connector has a writer of its own, and nothing of a row is held
anywhere between source and batch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import NamedTuple

import duckdb

from pipelines.settings import Settings
from pipelines.sources.contract import Source


class Relation(NamedTuple):
    """`sql`: what stands after FROM; `columns`: canonical → expression over it, every one text.

    `origin`: the query or file, without secrets; `notes`: what was dropped or is absent.
    """

    sql: str
    columns: dict[str, str]
    origin: str
    notes: tuple[str, ...]


# A context manager: server-side cursors and temporary registrations live until the batch is written.
Connector = Callable[[Source, date, Settings, duckdb.DuckDBPyConnection], AbstractContextManager[Relation]]
