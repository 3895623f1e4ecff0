"""What was delivered before: repeated keys, late rows, and moves between states that are not expected.

Only accepted rows are history, in the order of delivery (day, row); so a batch is told the same whichever
batches share its chunk. The rules that read this warn and never reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb

from pipelines import duck
from pipelines.quality.counting import list_counting
from pipelines.quality.split import KeyedBatch
from pipelines.quality.suite import LATE, MOVE, REPEATED, History, Suite
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sql import read_sql


def write_history(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    suite: Suite,
    keyed: Sequence[KeyedBatch],
    settings: Settings,
) -> str:
    """Table `history`: of rows of `typed` that are not in `failures` the three helper columns, as texts.

    A row of a thing that moves on as foreseen, and comes once, is not there: nothing is to be said of it.

    `key__repeated`: the key came before (in an earlier row or day; within the day where a delivery is
    the whole, which repeats everything daily). `state__move`: "9 → 4", where the suite's table does not foresee it.
    `state__late`: its time lies before the state that was already known.
    """
    history = suite.history
    keys = [duck.identifier(k) for k in source.key]
    entity = [duck.identifier(c) for c in (history.entity if history else source.key)]
    files = list_earlier_files(source, history.days if history else 92, keyed, settings)
    query = read_sql(
        "pipelines.quality",
        "history",
        keys=keys,
        entity=entity,
        columns=list(dict.fromkeys([*keys, *entity])),
        has_states=history is not None,
        time_tells=history is not None and history.at in source.key and {*history.entity} <= {*source.key},
        state=duck.identifier(history.state) if history else "null::varchar",
        state_at=f"cast({history.at} as timestamp)" if history else "null::timestamp",
        files=[duck.literal(file) for file in files],
        within_day=source.partitioning != "change_day",
        foreseen=_foreseen(history),
        repeated=REPEATED,
        move=MOVE,
        late=LATE,
    )
    con.execute(query)
    return "history"


def _foreseen(history: History | None) -> str:
    """SQL: `_state` may follow `state_before`."""
    if history is None:
        return "true"
    moves = " ".join(
        f"when {duck.literal(was)} then _state in ({', '.join(map(duck.literal, [was, *then]))})"
        for was, then in history.moves.items()
    )
    return f"case state_before {moves} else true end" if moves else "true"


def list_earlier_files(
    source: Source, days: int, keyed: Sequence[KeyedBatch], settings: Settings
) -> list[str]:
    """Accepted files of the days from `days` before the chunk to its end that are not in the chunk."""
    chunk = sorted(p.batch.partition for p in keyed)
    since = str(date.fromisoformat(chunk[0]) - timedelta(days=days))
    files = []
    for batch, report in list_counting(settings, source, until=chunk[-1]):
        if batch.partition < since:
            break
        if batch.partition not in chunk and report.accepted.exists():
            files.append(str(report.accepted))
    return sorted(files)
