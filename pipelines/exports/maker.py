"""By what an export is made: code, models, packages, contracts, settings. The same makes the same bytes of a release.

So whoever has the release can make the export again and compare. By another maker a difference proves nothing.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import duckdb

import pipelines
from pipelines.settings import LOCAL_ZONE, PROJECT, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.parsed import hash_project

# Beside the environment's packages, in whose names the versions stand.
PACKAGES = Path(duckdb.__file__).parents[1]
UNREAD = (".pyc",)


def describe_maker(settings: Settings, contracts: Contracts) -> str:
    """Sixteen hexadecimal digits."""
    parts = (
        _hash_code(),
        contracts.model_dump_json(),
        str(LOCAL_ZONE),
        str(sorted(settings.exports_on or ())),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _hash_code() -> str:
    """Of this process's own code, which stays what it was when it was loaded."""
    code = Path(pipelines.__file__).parent
    digest = hashlib.sha256(hash_project(PROJECT / "dbt_project").encode())
    digest.update(read_canon().model_dump_json().encode())
    digest.update("\n".join(sorted(path.name for path in PACKAGES.glob("*.dist-info"))).encode())
    for file in sorted(file for file in code.rglob("*") if file.is_file() and file.suffix not in UNREAD):
        digest.update(f"\0{file.relative_to(code)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
