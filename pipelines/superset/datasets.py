"""Superset's datasets, kept in step with dbt: columns, types and descriptions are the marts' own.

Labels, measures and calculated columns are Superset's; they stay as they stand in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Node = Mapping[str, Any]
NEW = {"verbose_name": None, "is_active": True, "groupby": True, "filterable": True, "expression": None}


def described(dataset: Node, model: Node) -> dict[str, Any]:
    """The dataset with the model's columns; `model`: dbt's node, with `description` and `columns`."""
    current = {column["column_name"]: column for column in dataset["columns"]}
    columns = [
        {
            **current.get(name, NEW),
            "column_name": name,
            "type": column["data_type"].upper(),
            "is_dttm": column["data_type"] in {"date", "timestamp"},
            "description": _one_line(column["description"]),
        }
        for name, column in model["columns"].items()
    ]
    calculated = [column for column in dataset["columns"] if column["expression"]]
    return {**dataset, "description": _one_line(model["description"]), "columns": columns + calculated}


def refresh(manifest: Mapping[str, Any], assets: Path) -> list[Path]:
    """Rewrite the files of `assets` whose mart has changed; those files."""
    nodes = manifest["nodes"].values()
    models = {(n["schema"], n["alias"]): n for n in nodes if n["resource_type"] == "model"}
    changed = []
    for path in sorted((assets / "datasets").rglob("*.yaml")):
        dataset = yaml.safe_load(path.read_text(encoding="utf-8"))
        model = models.get((dataset["schema"], dataset["table_name"]))
        if model and (fresh := described(dataset, model)) != dataset:
            path.write_text(
                yaml.safe_dump(fresh, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8"
            )
            changed.append(path)
    return changed


def _one_line(text: str) -> str:
    return " ".join(text.split())
