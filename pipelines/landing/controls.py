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


def select_plain_sql(names: Sequence[str], relation: str, keys: Sequence[str] = ()) -> str:
    """SELECT of these text columns; a row is asked once whether any of its cells holds a control character.

    `keys`: columns before them, which are no texts.
    """
    cells = [duck.identifier(name) for name in names]
    plain = (f"regexp_replace({cell}, {duck.literal(CONTROLS)}, {duck.literal(LOST)}, 'g')" for cell in cells)
    texts = (
        f"case when _has_control then {sql} else {cell} end as {cell}"
        for sql, cell in zip(plain, cells, strict=True)
    )
    stored = ", ".join([*keys, *texts])
    has_control = (
        f"regexp_matches(concat_ws('', {', '.join(cells)}), {duck.literal(CONTROLS)})" if cells else "false"
    )
    return f"select {stored} from (select *, {has_control} as _has_control from {relation})"


def note_lost_letters(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    """A note where rows of the landed file hold the sign for what was lost."""
    row = con.execute(
        f"select count(*) from read_parquet({duck.literal(path)}) where {has_lost_sql(list_columns(path))}"
    ).fetchone()
    count = int(row[0]) if row else 0
    if not count:
        return ()
    return (
        f"rows with {LOST}, for a control character or a letter that the source itself had lost: {count}",
    )


def has_lost_sql(names: Sequence[str]) -> str:
    """SQL: whether one of a row's texts holds the sign."""
    return f"contains(concat_ws('', {', '.join(map(duck.identifier, names))}), {duck.literal(LOST)})"
