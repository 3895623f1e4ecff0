"""Whether the build in the warehouse is still what a new one would be: nothing that it rests on has changed.

The record is written last and removed first: a build that was stopped half way has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict
from pathlib import Path

from pipelines.landing.batches import write_json
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.basis import hash_parts, list_code
from pipelines.warehouse.build import BuildInputs, read_built_state
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.sealed_build import find_broken_seal


def keep_build(settings: Settings, inputs_sha256: str, nodes: Sequence[NodeResult]) -> None:
    """Note what the finished build in the warehouse was made of, and how each node of it ended."""
    record = {
        "inputs_sha256": inputs_sha256,
        "warehouse": _read_shape(settings.warehouse),
        "nodes": [asdict(node) for node in nodes],
    }
    write_json(settings.build_record, record)


def find_kept_build(settings: Settings, inputs_sha256: str) -> list[NodeResult] | None:
    """The nodes of the warehouse's build; None where a build of these inputs is not there, or not untouched."""
    try:
        record = json.loads(settings.build_record.read_text(encoding="utf-8"))
        is_same = record["inputs_sha256"] == inputs_sha256
        is_same = is_same and record["warehouse"] == _read_shape(settings.warehouse)
        if is_same and not find_broken_seal(settings) and read_built_state(settings):
            return [NodeResult(**node) for node in record["nodes"]]
    except (OSError, ValueError, TypeError, KeyError):
        pass  # no record, or not a whole one: the build is made
    return None


def _read_shape(file: Path) -> list[int]:
    """Size, time and number of the file: whoever wrote to it since changed one of them."""
    if file.with_name(f"{file.name}.wal").exists():
        raise OSError(f"{file} was not closed")
    about = file.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ino]


def hash_inputs(settings: Settings, contracts: Contracts, inputs: BuildInputs) -> str:
    """SHA-256 of all that a build depends on: batches, reports, contracts, moment, code, packages."""
    return hash_parts(_list_inputs(settings, contracts, inputs))


def _list_inputs(settings: Settings, contracts: Contracts, inputs: BuildInputs) -> Iterator[bytes]:
    yield from list_code(settings, contracts)
    # Every field, so that an input to come is not forgotten here.
    for name, value in inputs._asdict().items():
        yield f"{name} {sorted(value) if isinstance(value, Set) else value}".encode()
    for _, report in inputs.reported:
        files = [file for file in (report.path, report.accepted, report.rejected) if file.exists()]
        yield str([_read_shape(file) for file in files]).encode()
