"""Columns that sources.yaml calls optional, and that a delivery before had: their loss is never only a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.landing.withdrawals import find_withdrawn
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.mapping import HeaderMatch, join_matches, suggest_header

# A log's smaller days may lack a value by chance: so many deliveries before are asked.
DELIVERIES = 8


def check_lost_columns(
    source: Source, partition: str, matches: Sequence[HeaderMatch], landing: Path, *, label: str = ""
) -> None:
    """DeliveryRefused where an earlier delivery had values in a column whose header is gone.

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
    """Optional column that no part of this delivery has → the newest day before on which it held a value."""
    absent = join_matches(matches).absent if matches and not source.omits_empty else ()
    lost: dict[str, str] = {}
    if absent:
        for path in _list_earlier(source, partition, landing):
            filled = _list_filled(path, {c.name: c.default for c in source.columns if c.name in absent})
            lost = dict.fromkeys(filled, path.parent.name) | lost
    return lost


def _list_earlier(source: Source, partition: str, landing: Path) -> Iterable[Path]:
    """The batches' files up to this day, the newest of each day, the newest day first."""
    withdrawn = {batch_id for name, batch_id in find_withdrawn(landing) if name == source.name}
    folders = sorted((landing / source.name).glob("*"), reverse=True)
    newest = (
        max(sidecars, key=lambda path: path.name)
        for folder in folders
        if folder.name <= partition
        and (sidecars := [p for p in folder.glob("*.json") if p.stem not in withdrawn])
    )
    files = (sidecar.with_suffix(".parquet") for sidecar in newest)
    return islice((file for file in files if file.exists()), DELIVERIES)


def _list_filled(path: Path, defaults: Mapping[str, str | None]) -> list[str]:
    """Those columns that hold a value other than their default, by the file's footer alone."""
    about = pq.read_metadata(path)
    filled: set[str] = set()
    for group in map(about.row_group, range(about.num_row_groups)):
        for column in map(group.column, range(about.num_columns)):
            statistics, default = column.statistics, defaults.get(column.path_in_schema)
            nulls = (statistics.null_count if statistics else 0) or 0
            is_default = (
                default is not None
                and statistics is not None
                and statistics.has_min_max
                and statistics.min == statistics.max == default
            )
            if nulls < group.num_rows and not is_default:
                filled.add(column.path_in_schema)
    return [name for name in defaults if name in filled]
