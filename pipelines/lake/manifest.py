"""What a release holds: the public marts and audit tables, read from dbt's manifest.

The manifest is the one registry: name, schema, key (for MERGE) and nothing else is repeated here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

SCHEMAS = ("marts", "audit")


@dataclass(frozen=True)
class Mart:
    """One published table; `key` are the columns of its grain."""

    schema: str
    name: str
    key: tuple[str, ...]

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


def read_models(manifest: Path) -> dict[str, dict[str, Any]]:
    """`schema.table` → dbt's node, of every model; empty where there is no manifest."""
    return index_models(_load(manifest)) if manifest.exists() else {}


def _load(manifest: Path) -> dict[str, Any]:
    """Read once as long as the file is the same: it is asked for at every step of a night."""
    about = manifest.stat()
    return _load_once(manifest, about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=1)
def _load_once(manifest: Path, *_: int) -> dict[str, Any]:
    return json.loads(manifest.read_text(encoding="utf-8"))


def index_models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`schema.table` → dbt's node, of every model."""
    nodes = manifest["nodes"].values()
    return {f"{n['schema']}.{n['alias']}": n for n in nodes if n["resource_type"] == "model"}


def read_marts(manifest: Path) -> list[Mart]:
    """Every model of the published schemas, by schema and name; ValueError where a key is missing."""
    marts = []
    for node in index_models(_load(manifest)).values():
        if node["schema"] not in SCHEMAS:
            continue
        key = node["config"].get("meta", {}).get("key")
        if not key:
            raise ValueError(
                f"dbt model {node['name']} is public but has no config.meta.key: "
                f"name the columns of its grain in its YAML, the publisher merges by them."
            )
        marts.append(Mart(node["schema"], node["alias"], tuple(key)))
    return sorted(marts, key=lambda mart: mart.qualified)
