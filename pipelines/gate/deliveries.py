"""Which deliveries of a build the gate looks at, and where their files lie."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts


class Delivery(NamedTuple):
    """A batch that counts in a build. `is_newest`: of its source, among those that are deliveries at all.

    `is_fresh`: it did not count in the release before. A run may land several days: each of them is asked.
    """

    source: str
    partition: str
    batch_id: str
    rows: int
    is_newest: bool
    is_fresh: bool

    @property
    def is_examined(self) -> bool:
        return self.is_newest or self.is_fresh

    def find_accepted(self, settings: Settings) -> Path:
        return settings.quality / self.source / self.partition / f"{self.batch_id}.accepted.parquet"

    def find_sidecar(self, settings: Settings) -> Path:
        return settings.landing / self.source / self.partition / f"{self.batch_id}.json"


def list_deliveries(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, batches: str, counted: Collection[tuple[str, str]]
) -> Iterator[Delivery]:
    """Every batch of a source that counts now, by source and day; an empty one only where that is a delivery.

    Of a whole table only the newest day counts; those before it are there to be compared with, and not examined.
    `batches`: the relation of audit.batches; `counted`: (source, batch) of those in the release before.
    """
    for source in contracts.sources.values():
        before = " or standing = 'superseded'" if source.partitioning == "whole_table" else ""
        rows = con.execute(
            f"select partition_key::varchar, batch_id, rows_accepted, is_current from {batches} "
            f"where source = ? and (is_current{before}) order by is_current, partition_key, batch_id",
            [source.name],
        ).fetchall()
        deliveries = [row for row in rows if row[2] or source.may_be_empty]
        for place, (day, batch, accepted, is_current) in enumerate(deliveries, 1):
            yield Delivery(
                source.name, day, batch, accepted, is_newest=is_current and place == len(deliveries),
                is_fresh=is_current and (source.name, batch) not in counted,
            )  # fmt: skip
