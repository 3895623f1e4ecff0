"""Records of a delimited text that have one cell too many, and a last one that is empty.

DuckDB reads past an empty cell behind the last column. Where a delimiter within a text was not quoted, that cell is
the record's own last one, and every cell between stands one column further than it should.
"""

from __future__ import annotations

import mmap

import duckdb

from pipelines import duck
from pipelines.sources.files.unpacking import MIB, Member

# No line holds it: a line is read as one cell.
NO_DELIMITER = "\x01\x02\x1f"
# In fewer records a habit of the exporter cannot be told from a fault.
ENOUGH_RECORDS = 3


def check_shifts(
    con: duckdb.DuckDBPyConnection,
    location: str,
    member: Member,
    delimiter: str,
    cells: int,
    *,
    above: int,
    is_utf8: bool,
    line_mb: int,
) -> None:
    """ValueError naming the first such line, where only a part of the records ends with a delimiter of its own.

    `cells`: those of the header; `above`: lines above it. Where all records end so it is the exporter's way of
    writing, and nothing is shifted.
    """
    if is_utf8 and member.plain and not _may_end_with_delimiter(member, delimiter):
        return
    sign = duck.literal(delimiter)
    lines = (
        f"read_csv({duck.literal(location)}, columns = {{line: 'VARCHAR'}}, auto_detect = false, header = true, "
        f"delim = {duck.literal(NO_DELIMITER)}, quote = '', escape = '', max_line_size = {line_mb * MIB})"
    )
    # What stands in quotes is one cell; a line with a quote that goes on below is no whole record.
    bare = "regexp_replace(line, '\"[^\"]*\"', '', 'g')"
    is_long = (
        f"(ends_with({bare}, {sign}) and not contains({bare}, '\"') "
        f"and length({bare}) - length(replace({bare}, {sign}, '')) >= {cells})"
    )
    row = con.execute(
        f"select count(*) filter (line is not null), count(*) filter ({is_long}) from {lines}"
    ).fetchone()
    records, long = row or (0, 0)
    if not long or (records >= ENOUGH_RECORDS and long == records):
        return
    first = con.execute(
        f"select n + {above + 1} from (select row_number() over () as n, line from {lines}) "
        f"where {is_long} order by n limit 1"
    ).fetchone()
    raise ValueError(
        f"line {first[0] if first else '?'} has {cells + 1} cells, the last one empty; the header has {cells} (is a "
        "delimiter not quoted? Then every cell behind it stands in the wrong column)"
    )


def _may_end_with_delimiter(member: Member, delimiter: str) -> bool:
    """Told from the bytes, without parsing them."""
    sign = delimiter.encode()
    with member.file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        ends = (sign + b"\n", sign + b"\r", sign + b'""\n', sign + b'""\r')
        return data[-1:] == sign or any(data.find(end) >= 0 for end in ends)
