"""How much text a Parquet file gives, told before it is read: a few bytes may stand for gigabytes.

Two ways: pages that unpack to far more than they are, and one long value that a million rows point to.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.sources.contracts.options.files import FileLimits
from pipelines.sources.files.unpacking import MIB
from pipelines.sources.files.zip_directory import RATIO_FROM

# Kinds of values as long as they like; all others are told by the number of rows.
LONG_KINDS = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def check_weight(source: Any, size: int, limits: FileLimits) -> None:
    """ValueError where the file unpacks to too much; `source`: what pyarrow opens, of `size` bytes on disk.

    pa.ArrowException or OSError where it is no Parquet file.
    """
    with pq.ParquetFile(source) as file:
        chunks = [
            (group, file.metadata.row_group(group).num_rows, file.metadata.row_group(group).column(column))
            for group in range(file.metadata.num_row_groups)
            for column in range(file.metadata.num_columns)
        ]
        _refuse(sum(chunk.total_uncompressed_size for _, _, chunk in chunks), size, limits)
        # A value of a chunk is at most as long as the chunk; only where that could be too much it is measured.
        most = sum(rows * chunk.total_uncompressed_size for _, rows, chunk in chunks if _is_long(chunk))
        if not _is_heavy(most, size, limits):
            return
        texts = 0
        for group, _, chunk in chunks:
            if _is_long(chunk) and "." not in chunk.path_in_schema:
                texts += _measure(source, group, chunk.path_in_schema, limits)
                _refuse(texts, size, limits)


def _measure(source: Any, group: int, column: str, limits: FileLimits) -> int:
    """Bytes of one column's texts in one group of rows, each value unpacked once however many rows have it."""
    if isinstance(source, pa.NativeFile):
        source.seek(0)
    with pq.ParquetFile(source, read_dictionary=[column]) as file:
        values = file.read_row_group(group, columns=[column]).column(0)
    weight = 0
    for chunk in values.chunks:
        if not isinstance(chunk, pa.DictionaryArray) or len(chunk.dictionary) == 0:
            weight += chunk.nbytes
            continue
        lengths = pc.binary_length(chunk.dictionary)
        if (pc.max(lengths).as_py() or 0) > limits.line_mb * MIB:
            raise ValueError(f"a cell of {column!r} is longer than {limits.line_mb} MiB (`limits.line_mb`)")
        weight += pc.sum(pc.take(lengths, chunk.indices).cast(pa.int64())).as_py() or 0
    return weight


def _is_long(chunk: Any) -> bool:
    return chunk.physical_type in LONG_KINDS


def _is_heavy(weight: int, size: int, limits: FileLimits) -> bool:
    return weight > limits.unpacked_mb * MIB or weight > max(RATIO_FROM, size * limits.ratio)


def _refuse(weight: int, size: int, limits: FileLimits) -> None:
    if _is_heavy(weight, size, limits):
        raise ValueError(
            f"it unpacks to at least {weight >> 20} MiB from {max(1, size >> 10)} KiB, more than "
            f"`limits.unpacked_mb` ({limits.unpacked_mb}) or `limits.ratio` ({limits.ratio}) allows: a bomb"
        )
