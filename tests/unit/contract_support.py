"""A small sources.yaml to change a key of, and what loading it refuses: shared by the tests of contracts."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from pipelines.sources.contracts.contract import ContractError, Source, load_contracts

SMALL = {
    "place": {"code": "40", "name": "Nghệ An", "counts_since": "2025-07-01"},
    "first_day": "2025-07-01",
    "sources": {
        "dossier_log": {
            "connector": "database",
            "partitioning": "change_day",
            "url": "sqlite:///{data}/x.sqlite",
            "table": "cases",
            "cursor": "changed",
            "datetime_formats": ["%Y-%m-%d %H:%M:%S"],
            "max_rejected_share": 0.02,
            "columns": {
                "dossier_code": "id",
                "recorded_at": "at",
                "status_code": "state",
                "channel": {"raw": "ch", "value_map": {"1": "online"}, "default": "in_person"},
            },
            "personal": {"name": "name"},
        }
    },
    "reference": {"units": {"path": "{project}/reference/units.csv"}},
}


def written(tmp_path: Path, **changes: object) -> Path:
    """A small sources.yaml; `sources__dossier_log__connector="x"` changes one key, None removes it."""
    content = copy.deepcopy(SMALL)
    for where, value in changes.items():
        *steps, last = where.split("__")
        at: dict = content
        for step in steps:
            at = at[step]
        at.pop(last, None)
        if value is not None:
            at[last] = value
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(ContractError) as error:
        load_contracts(path)
    assert error.value.__cause__ is None
    return str(error.value)


def column_of(source: Source, name: str):  # type: ignore[no-untyped-def]
    return next(c for c in source.columns if c.name == name)
