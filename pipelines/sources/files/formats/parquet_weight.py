"""How much text a Parquet file gives, told before it is read: a few bytes may stand for gigabytes.

Two ways: pages that unpack to far more than they are, and one long value that a million rows point to. Asked of
DuckDB alone: other readers end the whole process at a damaged file.
"""

from __future__ import annotations

import duckdb

from pipelines import duck
from pipelines.sources.contracts.options.files import FileLimits
from pipelines.sources.files.unpacking import MIB
from pipelines.sources.files.zip_directory import RATIO_FROM

# Kinds of values as long as they like; all others are told by the number of rows.
LONG_KINDS = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def check_weight(con: duckdb.DuckDBPyConnection, path: str, size: int, limits: FileLimits) -> None:
    """ValueError where the file unpacks to too much, duckdb.Error where it is none; `size`: its bytes on disk."""
    chunks = con.execute(
        f"select path_in_schema, type, row_group_num_rows, total_uncompressed_size "
        f"from parquet_metadata({duck.literal(path)})"
    ).fetchall()
    _refuse(sum(max(0, weight) for *_, weight in chunks), size, limits)
    long = [(column, rows * weight) for column, kind, rows, weight in chunks if kind in LONG_KINDS]
    # A value is at most as long as its chunk; only where that could be too much it is measured.
    if not _is_heavy(sum(weight for _, weight in long), size, limits):
        return
    relation = f"read_parquet({duck.literal(path)}, binary_as_string = true)"
    texts = {
        str(name)
        for name, kind, *_ in con.execute(f"describe from {relation}").fetchall()
        if kind == "VARCHAR"
    }
    for column in dict.fromkeys(column for column, _ in long if column in texts):
        # DuckDB unpacks each value once, however many rows have it.
        row = con.execute(f"select sum(strlen({duck.identifier(column)})) from {relation}").fetchone()
        _refuse(int(row[0] or 0) if row else 0, size, limits)


def _is_heavy(weight: int, size: int, limits: FileLimits) -> bool:
    return weight > limits.unpacked_mb * MIB or weight > max(RATIO_FROM, size * limits.ratio)


def _refuse(weight: int, size: int, limits: FileLimits) -> None:
    if _is_heavy(weight, size, limits):
        raise ValueError(
            f"it unpacks to at least {weight >> 20} MiB from {max(1, size >> 10)} KiB, more than "
            f"`limits.unpacked_mb` ({limits.unpacked_mb}) or `limits.ratio` ({limits.ratio}) allows: a bomb"
        )
