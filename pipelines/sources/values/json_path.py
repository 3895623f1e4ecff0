"""Dotted paths into a JSON document (`data.children`), as sources.yaml writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def read_path(document: Any, path: str) -> Any:
    """What stands there; None where a step is absent. "." is the document itself."""
    value = document
    for step in filter(None, path.split(".")):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def has_path(document: Any, path: str) -> bool:
    """Whether the document names what stands there, be it null."""
    parent, _, name = path.rpartition(".")
    above = read_path(document, parent)
    return isinstance(above, Mapping) and name in above


JSON_IN_TEXT = (
    "holds JSON as text, a document inside a string: ask the source for the list itself, or for an export "
    "that is unpacked"
)


def describe_no_list(document: Any, path: str) -> str | None:
    """Why what stands at a dotted path is no list though the path is right; None where the path may be wrong."""
    parent, _, name = path.rpartition(".")
    above = read_path(document, parent)
    if isinstance(above, Mapping) and name in above and above[name] is None:
        return (
            f"{name} is null (no records?): an answer without a list cannot be told from a broken one. Ask the "
            f"source to give an empty list, []"
        )
    value = read_path(document, path)
    if isinstance(value, Mapping) and value and all(isinstance(v, Mapping) for v in value.values()):
        return (
            f"{name or 'the document'} is an object with a record under each of its {len(value)} keys, and no list: "
            f"ask the source for a list whose records have that key inside"
        )
    if holds_json(value):
        return f"{name or 'the document'} {JSON_IN_TEXT}"
    if isinstance(document, Mapping):
        return next((f"{key} {JSON_IN_TEXT}" for key, value in document.items() if holds_json(value)), None)
    return None


def holds_json(value: Any) -> bool:
    """Whether a text is a JSON list or object."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return False
    try:
        return isinstance(json.loads(value), (list, dict))
    except (ValueError, RecursionError):
        return False
