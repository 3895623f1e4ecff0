"""sources.schema.json: what an editor needs to complete and explain sources.yaml, from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT
from pipelines.sources.contracts.canon import CanonicalSource, CanonicalTable, read_canon
from pipelines.sources.contracts.contract import Contracts

SCHEMA = PROJECT / "sources.schema.json"
# Set by loading, never written by people.
INTERNAL = ("name", "mapped", "words", "fallback")


def contracts_schema() -> dict[str, Any]:
    """JSON Schema of the file as people write it: columns by name, canonical ones known and explained."""
    schema = Contracts.model_json_schema()
    defs = schema["$defs"]
    for name in ("Source", "ReferenceTable", "Column"):
        for key in INTERNAL:
            defs[name]["properties"].pop(key, None)
            if key in defs[name].get("required", []):
                defs[name]["required"].remove(key)
    column = {"anyOf": [{"type": "string"}, {"type": "null"}, {"$ref": "#/$defs/Column"}]}
    words = defs["Column"]["properties"]["value_map"]["anyOf"][0]
    words["additionalProperties"] = {"type": ["string", "integer"]}
    canon = read_canon()
    for kind, model, known in (
        ("sources", "Source", canon.sources),
        ("reference", "ReferenceTable", canon.reference),
    ):
        tables = {name: _table(defs[model], table, column) for name, table in known.items()}
        free = _table(defs[model], None, column)
        schema["properties"][kind] = {
            **{k: v for k, v in schema["properties"][kind].items() if k == "title"},
            "type": "object",
            "properties": tables,
            "additionalProperties": free if kind == "sources" else False,
        }
    for unused in ("Source", "ReferenceTable"):
        defs.pop(unused)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `thongsuot sources schema --write`; not by hand.",
        **schema,
    }


def _table(model: dict[str, Any], canonical: CanonicalTable | None, column: dict[str, Any]) -> dict[str, Any]:
    """One table's schema; what the canon gives need not be written again."""
    columns: dict[str, Any] = {"type": "object", "additionalProperties": column}
    inherited: set[str] = set()
    described = {}
    if canonical is not None:
        inherited = set(canonical.inherited()) | (
            {"suite"} if isinstance(canonical, CanonicalSource) else set()
        )
        columns["additionalProperties"] = False
        columns["properties"] = {
            name: {"description": _describe(keys), **column} for name, keys in canonical.columns.items()
        }
        described = {"description": f"{canonical.title_vi} {canonical.description}".strip()}
    return {
        **model,
        **described,
        "properties": {
            **model["properties"],
            "columns": {**columns, "description": model["properties"]["columns"].get("description", "")},
        },
        "required": [key for key in model.get("required", []) if key not in inherited],
    }


def _describe(keys: dict[str, Any]) -> str:
    parts = [keys.get("title_vi", ""), keys.get("description", "")]
    parts.append(f"Type {keys['type']}." if "type" in keys else "")
    parts.append(f"One of {', '.join(keys['words'])}." if "words" in keys else "")
    parts.append(f"Default {keys['default']}." if "default" in keys else "")
    parts.append("Required." if keys.get("required") else "")
    return " ".join(part for part in parts if part)


def schema_text() -> str:
    return json.dumps(contracts_schema(), ensure_ascii=False, indent=1) + "\n"


def write_schema(path: Path = SCHEMA) -> None:
    path.write_text(schema_text(), encoding="utf-8")
