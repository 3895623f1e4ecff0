"""By which columns a delivery that is a whole list names everything once."""

from __future__ import annotations

from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Source


def list_identity(source: Source) -> tuple[str, ...]:
    """What the rows of a snapshot, or of a table with a row per item, are about; none where rows may repeat."""
    canonical = read_canon().sources.get(source.name)
    if source.repeated_keys == "accept" or source.partitioning == "change_day":
        return ()
    if canonical is None:
        return source.key
    if source.milestones:
        return canonical.item
    if canonical.kind != "snapshot":
        return ()
    return canonical.item or tuple(dict.fromkeys((*source.key, *canonical.staged_key)))
