"""Control characters never come to rest: no screen shows them, a terminal obeys them, PostgreSQL takes no NUL.

Each is replaced by U+FFFD, the sign for a letter that was lost: rules name it, and it is noted with the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing.batches import list_columns

# All of C0 and C1 but tab, line feed and carriage return.
CONTROLS = r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}]"
LOST = "\ufffd"


def select_plain_sql(names: Sequence[str], relation: str) -> str:
    """SELECT of these text columns; a row is asked once whether any of its cells holds a control character."""
    cells = [duck.identifier(name) for name in names]
    plain = (f"regexp_replace({cell}, {duck.literal(CONTROLS)}, {duck.literal(LOST)}, 'g')" for cell in cells)
    stored = ", ".join(
        f"case when _has_control then {sql} else {cell} end as {cell}"
        for sql, cell in zip(plain, cells, strict=True)
    )
    has_control = (
        f"regexp_matches(concat_ws('', {', '.join(cells)}), {duck.literal(CONTROLS)})" if cells else "false"
    )
    return f"select {stored} from (select *, {has_control} as _has_control from {relation})"


def note_lost_letters(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    """A note where rows of the landed file hold the sign for what was lost."""
    relation = f"read_parquet({duck.literal(path)})"
    names = map(duck.identifier, list_columns(path))
    row = con.execute(
        f"select count(*) from {relation} where contains(concat_ws('', {', '.join(names)}), {duck.literal(LOST)})"
    ).fetchone()
    count = int(row[0]) if row else 0
    if not count:
        return ()
    return (
        f"rows with {LOST}, for a control character or a letter that the source itself had lost: {count}",
    )
