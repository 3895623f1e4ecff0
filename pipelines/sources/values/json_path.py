"""Dotted paths into a JSON document (`data.children`), as sources.yaml writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_path(document: Any, path: str) -> Any:
    """What stands there; None where a step is absent. "." is the document itself."""
    value = document
    for step in filter(None, path.split(".")):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
