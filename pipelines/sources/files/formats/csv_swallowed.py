"""Records of a delimited text that became one cell, because a text begins with a quote that is not meant as one.

Where a text some lines below ends with a quote, everything between is one cell to every reader, and the record has as
many cells as the header.
"""

from __future__ import annotations

import mmap
import re

import duckdb

from pipelines import duck
from pipelines.sources.files.unpacking import Member

# In a narrower table a text of two lines may hold as many delimiters as a record has.
FEWEST_CELLS = 4


def may_hold_swallowed(member: Member, delimiter: str) -> bool:
    """Whether a quote of a plain UTF-8 file may be open at a line's end; told without parsing it."""
    if not member.plain or member.file.stat().st_size == 0:
        return True
    with member.file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b'"') >= 0 and any(
            re.search(before + rb'"[^"\n\r]*[\n\r]', data)
            for before in (re.escape(delimiter.encode()), rb"\n")
        )


def swallowed_sql(cells: int, delimiter: str) -> str:
    """SQL over the cells c0, c1, …: whether one of them holds the rest of its own record and whole records below it.

    Its first line then has as many delimiters as there are columns behind it, its last one as many as before it, and
    each line between as many as a record has. A delimiter before a blank is one of a sentence.
    """
    if cells < FEWEST_CELLS:
        return "false"
    sign = duck.literal(delimiter)
    in_sentence = duck.literal(f"{delimiter} ")
    conditions = []
    for place in range(cells):
        lines = f"string_split_regex(c{place}, '\\r\\n|\\r|\\n')"
        counts = (
            f"list_transform({lines}, lambda l: length(l) - length(replace(l, {sign}, '')) "
            f"- (length(l) - length(replace(l, {in_sentence}, ''))) // 2)"
        )
        expected = (
            f"list_concat([{cells - 1 - place}], "
            f"list_transform(range(len({lines}) - 2), lambda i: {cells - 1}), [{place}])"
        )
        conditions.append(
            f"(contains(translate(c{place}, chr(13), chr(10)), chr(10)) "
            f"and coalesce({counts} = {expected}, false))"
        )
    return f"coalesce({' or '.join(conditions)}, false)"


def find_record(con: duckdb.DuckDBPyConnection, relation: str, cells: int, condition: str) -> tuple[int, int]:
    """The lines on which the first record of this condition begins and ends; the header's is 1."""
    breaks = " + ".join(
        f"coalesce(len(regexp_extract_all(c{place}, '\\r\\n|\\r|\\n')), 0)" for place in range(cells)
    )
    row = con.execute(
        f"with records as (select row_number() over () as n, {breaks} as breaks, {condition} as fits from {relation}), "
        f"lines as (select n, n + 1 + sum(breaks) over (order by n) as line, breaks, fits from records) "
        f"select line - breaks, line from lines where fits order by n limit 1"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
