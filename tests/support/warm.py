"""What every child of tests/crashing.py would do first, done once by the server that they are forked from.

It opens no database: DuckDB's threads do not survive a fork.
"""

from __future__ import annotations

import gc

import click.testing  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pytest  # noqa: F401

from pipelines import demo, duck  # noqa: F401
from pipelines.exports import registry  # noqa: F401
from pipelines.quality.expectations import _open_definition
from pipelines.releases import verify  # noqa: F401

_open_definition()
# Checking their signatures costs each process a quarter of a second; the process of the tests does it (test_duck.py).
duck._VERIFIED.update(
    duck._stamp(file)
    for name in ("sqlite_scanner", "ducklake", "postgres_scanner", "httpfs")
    if (file := duck._find_packaged(name))
)
# What is imported now is never garbage: no child looks through it again, or copies its pages to do so.
gc.freeze()
