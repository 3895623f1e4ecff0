"""A table with one row per dossier → a log of its states (DESIGN §5: event logs as well as tables).

Each milestone that has a time becomes a row of the log, so that any moment before the first export can
be answered too; the row's own status becomes one more, at the moment the table was taken.
"""

from __future__ import annotations

from datetime import date, datetime

from pipelines import duck
from pipelines.sources.contract import Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.relation import Relation


def as_log(source: Source, partition: date, relation: Relation) -> Relation:
    """The relation as it is without `milestones`; else unfolded, `recorded_at` and `status_code` set.

    A row with neither a time nor a status still gives one row: the suite rejects it, nothing vanishes.
    """
    if not source.milestones:
        return relation
    taken = datetime.combine(partition, source.snapshot_at).strftime(source.datetime_formats[0])
    own = relation.columns.get("status_code", "null")
    known = [
        (_said(source, relation.columns[at]), duck.literal(word))
        for at, word in source.milestones.items()
        if at in relation.columns
    ]
    if not known and own == "null":
        raise PermanentSourceError(
            f"{source.name} {partition}: none of the `milestones` columns is there, nor a status. "
            f"Correct `milestones` of {source.name} in sources.yaml."
        )
    states = ", ".join(f"{{'at': {at}, 'said': {word}}}" for at, word in known)
    reached = f"list_filter([{states}], lambda s: s.at is not null)" if known else "[]"
    words = f"list_transform({reached}, lambda s: s.said)" if known else "[]"
    now = f"[{{'at': {duck.literal(taken)}, 'said': {own}}}]"
    more = f"case when {own} is null or list_contains({words}, {own}) then [] else {now} end"
    every = f"list_concat({reached}, {more})"
    nothing = f"[{{'at': null::varchar, 'said': {own}::varchar}}]"
    sql = (
        f"(select *, unnest(case when len({every}) = 0 then {nothing} else {every} end) as _state "
        f"from {relation.sql})"
    )
    columns = {
        **relation.columns,
        "recorded_at": "_state['at']",
        "status_code": "_state['said']",
    }
    return relation._replace(sql=sql, columns=columns)


def _said(source: Source, text: str) -> str:
    trimmed = f"trim({text})"
    for nothing in {"", *source.null_values}:
        trimmed = f"nullif({trimmed}, {duck.literal(nothing)})"
    return trimmed
