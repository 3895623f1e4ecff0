"""sources.schema.json: what an editor needs to complete and explain sources.yaml, from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT
from pipelines.sources.contracts.canonical import canonical
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
    for kind, model in (("sources", "Source"), ("reference", "ReferenceTable")):
        tables = {name: _table(defs[model], said, column) for name, said in canonical()[kind].items()}
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


def _table(model: dict[str, Any], said: dict[str, Any] | None, column: dict[str, Any]) -> dict[str, Any]:
    """One table's schema; what canonical.yaml says need not be said again."""
    columns: dict[str, Any] = {"type": "object", "additionalProperties": column}
    given: set[str] = set()
    described = {}
    if said is not None:
        given = {key for key in said if key not in ("columns", "required")}
        columns["additionalProperties"] = False
        columns["properties"] = {
            name: {"description": _explained(canon), **column} for name, canon in said["columns"].items()
        }
        described = {"description": f"{said.get('title_vi', '')} {said.get('description', '')}".strip()}
    return {
        **model,
        **described,
        "properties": {
            **model["properties"],
            "columns": {**columns, "description": model["properties"]["columns"].get("description", "")},
        },
        "required": [key for key in model.get("required", []) if key not in given],
    }


def _explained(canon: dict[str, Any]) -> str:
    parts = [canon.get("title_vi", ""), canon.get("description", "")]
    parts.append(f"Type {canon['type']}." if "type" in canon else "")
    parts.append(f"One of {', '.join(canon['words'])}." if "words" in canon else "")
    parts.append(f"Default {canon['default']}." if "default" in canon else "")
    parts.append("Required." if canon.get("required") else "")
    return " ".join(part for part in parts if part)


def schema_text() -> str:
    return json.dumps(contracts_schema(), ensure_ascii=False, indent=1) + "\n"


def write_schema(path: Path = SCHEMA) -> None:
    path.write_text(schema_text(), encoding="utf-8")
