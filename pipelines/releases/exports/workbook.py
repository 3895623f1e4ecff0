"""The report forms as .xlsx, as the province files them; none where the release has no such mart."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.releases.exports.common import Table


def write(con: duckdb.DuckDBPyConnection, tables: list[Table], folder: Path) -> list[Path]:
    """The workbooks written into `folder`."""
    return []
