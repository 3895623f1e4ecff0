"""sources.schema.json: what an editor needs to complete and explain sources.yaml, from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT
from pipelines.sources.connectors import CONNECTORS, Connector
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.canonical import CanonicalTable
from pipelines.sources.contracts.contract import Contracts

SCHEMA = PROJECT / "sources.schema.json"
# Set by loading, never written by people.
INTERNAL = (
    "name",
    "mapped",
    "words",
    "word_aliases",
    "fallback",
    "default_alone",
    "suggested",
    "place_suite",
    "country",
)


def build_schema() -> dict[str, Any]:
    """JSON Schema of the file as people write it: columns by name, canonical ones known and explained."""
    schema = Contracts.model_json_schema()
    defs = schema["$defs"]
    for name in ("Source", "ReferenceTable", "Column"):
        for key in INTERNAL:
            defs[name]["properties"].pop(key, None)
            if key in defs[name].get("required", []):
                defs[name]["required"].remove(key)
    words = defs["Column"]["properties"]["value_map"]["anyOf"][0]
    words["additionalProperties"] = {"type": ["string", "integer"]}
    defs["ColumnEntry"] = {"anyOf": [{"type": "string"}, {"type": "null"}, {"$ref": "#/$defs/Column"}]}
    canon = read_canon()
    required = [key for key in defs["Source"].pop("required") if key in ("connector", "partitioning")]
    defs["Source"]["allOf"] = [_forbid_foreign_keys(connector) for connector in CONNECTORS]
    for name in ("Source", "ReferenceTable"):
        columns = defs[name]["properties"]["columns"]
        defs[name]["properties"]["columns"] = {
            "type": "object",
            "description": columns.get("description", ""),
            "additionalProperties": _refer("ColumnEntry"),
        }
    for kind, model, tables in (
        ("sources", "Source", canon.sources),
        ("reference", "ReferenceTable", canon.reference),
    ):
        schema["properties"][kind] = {
            **{k: v for k, v in schema["properties"][kind].items() if k == "title"},
            "type": "object",
            "properties": {
                name: _describe_table(model, table, required if kind == "sources" else [])
                for name, table in tables.items()
            },
            "additionalProperties": False,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `thongsuot docs`; not by hand.",
        **schema,
    }


def _refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _forbid_foreign_keys(connector: Connector) -> dict[str, Any]:
    """A key that the source's connector never reads is a mistake."""
    return {
        "if": {"properties": {"connector": {"const": connector.name}}, "required": ["connector"]},
        "then": {"properties": dict.fromkeys(sorted(connector.list_foreign_keys()), False)},
    }


def _describe_table(model: str, table: CanonicalTable, required: list[str]) -> dict[str, Any]:
    """One canonical table: its own columns, by name; what the canon gives need not be written again."""
    columns = {
        name: {"description": _describe(keys), "allOf": [_refer("ColumnEntry")]}
        for name, keys in table.columns.items()
    }
    return {
        "description": f"{table.title_vi}. {table.description}",
        "allOf": [_refer(model)],
        "properties": {"columns": {"properties": columns, "additionalProperties": False}},
        **({"required": required} if required else {}),
    }


def _describe(keys: dict[str, Any]) -> str:
    parts = [keys.get("title_vi", ""), keys.get("description", "")]
    parts.append(f"Type {keys['type']}." if "type" in keys else "")
    parts.append(f"One of {', '.join(keys['words'])}." if "words" in keys else "")
    parts.append(f"Default {keys['default']}." if "default" in keys else "")
    parts.append("Required." if keys.get("required") else "")
    return " ".join(part for part in parts if part)


def render_schema() -> str:
    return json.dumps(build_schema(), ensure_ascii=False, indent=1) + "\n"


def write_schema(path: Path = SCHEMA) -> None:
    path.write_text(render_schema(), encoding="utf-8")
