"""A table with one row per dossier → a log of its states (event logs as well as tables).

Each milestone that has a time becomes a row of the log, so that any moment before the first export can
be answered too; the row's own status becomes one more, at the moment the table was taken.
"""

from __future__ import annotations

from datetime import date, datetime

from pipelines import duck
from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.relation import Relation
from pipelines.sources.values.moments import read_moment_sql, write_moment
from pipelines.sources.values.placeholders import is_placeholder_sql


def unfold_milestones(source: Source, relation: Relation, *days: date) -> Relation:
    """The relation as it is without `milestones`; else unfolded, with what the source's `step_columns` say set.

    `days`: the partition, or several, which the relation's `_day` counts from 0.
    A row with neither a time nor a status still gives one row: the suite rejects it, nothing vanishes.
    """
    steps = source.step_columns
    if steps is None:
        return relation
    moments = [
        duck.literal(write_moment(source, datetime.combine(day, source.snapshot_at, LOCAL_ZONE)))
        for day in days
    ]
    taken = moments[0] if len(days) == 1 else f"[{', '.join(moments)}][_day + 1]"
    own = relation.columns.get(steps.state, "null::varchar")
    times = [at for at in source.milestones if at in relation.columns]
    if not times and steps.state not in relation.columns:
        raise DeliveryRefused(
            f"{source.name} {days[0]}: none of the `milestones` columns is there, nor a status. "
            f"Correct `milestones` of {source.name} in sources.yaml."
        )
    states = [
        _state_sql(
            _milestone_text_sql(source, at, relation.columns[at]), duck.literal(source.milestones[at]), n
        )
        for n, at in enumerate(times)
    ]
    reached = f"list_filter([{', '.join(states)}], lambda _one: _one.at is not null)" if states else "[]"
    repeated = f"list_contains(list_transform({reached}, lambda _one: _one.status), {own})"
    now = f"[{_state_sql(taken, own, len(times))}]"
    more = f"case when {own} is null{f' or {repeated}' if states else ''} then [] else {now} end"
    every = f"list_concat({reached}, {more})"
    nothing = f"[{_state_sql('null::varchar', own, len(times))}]"
    sql = (
        f"(select *, unnest(case when len({every}) = 0 then {nothing} else {every} end) as _state "
        f"from {relation.sql})"
    )
    # A state does not know what came after it: later milestones are not yet given in its row.
    so_far = {
        at: f"case when _state.number >= {n} then {relation.columns[at]} end" for n, at in enumerate(times)
    }
    log = {steps.at: "_state['at']", steps.state: "_state.status"}
    return relation._replace(sql=sql, columns={**relation.columns, **so_far, **log})


def _state_sql(at: str, status: str, number: int) -> str:
    return f"{{'at': {at}, 'status': {status}, 'number': {number}}}"


def _milestone_text_sql(source: Source, name: str, text: str) -> str:
    """The text of a milestone; NULL where it is blank or stands for no date."""
    trimmed = f"trim({text})"
    nothing = ", ".join(map(duck.literal, dict.fromkeys(["", *source.null_values])))
    trimmed = f"case when {trimmed} in ({nothing}) then null else {trimmed} end"
    column = next(column for column in source.columns if column.name == name)
    is_placeholder = is_placeholder_sql(source, trimmed, read_moment_sql(source, column, trimmed))
    return f"case when not {is_placeholder} then {trimmed} end"
