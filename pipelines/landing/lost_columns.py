"""Columns that sources.yaml calls optional, and that a delivery before had: their loss is never only a note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import find_newest_remaining
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.mapping import HeaderMatch, join_matches, suggest_header

# A log's smaller days may lack a value by chance: so many deliveries before are asked.
DELIVERIES = 8


def check_lost_columns(
    source: Source, partition: str, matches: Sequence[HeaderMatch], landing: Path, *, label: str = ""
) -> None:
    """DeliveryRefused where an earlier delivery had a column whose header is gone.

    `label`: what the message calls the source, where it is no source of a day.
    """
    lost = find_lost_columns(source, partition, matches, landing)
    if not lost:
        return
    columns = {c.name: c for c in source.columns}
    texts = "".join(
        f"column {name!r} (header {columns[name].raw or name!r}) is gone; the delivery of {day} had it."
        f"{suggest_header(columns[name], [h for match in matches for h in match.unknown])} "
        for name, day in lost.items()
    )
    raise DeliveryRefused(
        f"{label or f'{source.name} {partition}'}: {texts}Nothing was landed. Ask the source for the whole delivery, "
        f"correct the header in sources.yaml, or take the column out of `columns` there if it will not come again."
    )


def find_lost_columns(
    source: Source, partition: str, matches: Sequence[HeaderMatch], landing: Path
) -> dict[str, str]:
    """Optional column that no part of this delivery has → the newest day before whose delivery had it."""
    absent = join_matches(matches).absent if matches and not source.omits_empty else ()
    lost: dict[str, str] = {}
    if absent:
        for batch in _list_earlier(source, partition, landing):
            before = batch.columns or _list_varied(batch.path)
            lost = {name: batch.partition for name in absent if name in before} | lost
    return lost


def list_columns(matches: Sequence[HeaderMatch]) -> tuple[str, ...]:
    """Canonical columns that a header of the delivery stands for."""
    return tuple(join_matches(matches).columns) if matches else ()


def _list_earlier(source: Source, partition: str, landing: Path) -> list[Batch]:
    """The newest batch of each day up to this one, the newest day first."""
    newest = find_newest_remaining(landing, source.name)
    days = sorted((day for day in newest if day <= partition), reverse=True)
    return [newest[day] for day in days if newest[day].path.exists()][:DELIVERIES]


def _list_varied(path: Path) -> set[str]:
    """Columns with more than one text, by the file's footer: of a batch that does not tell which had a header.

    A single text throughout may be a default, which sources.yaml may have named then and not now.
    """
    about = pq.read_metadata(path)
    texts: dict[str, set[str | None]] = {}
    for group in map(about.row_group, range(about.num_row_groups)):
        for column in map(group.column, range(about.num_columns)):
            statistics = column.statistics
            if statistics is None or statistics.null_count == group.num_rows:
                continue
            bounds = {statistics.min, statistics.max} if statistics.has_min_max else {None, ""}
            texts.setdefault(column.path_in_schema, set()).update(bounds)
    return {name for name, bounds in texts.items() if len(bounds) > 1}
