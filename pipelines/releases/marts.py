"""What a release holds: the public marts and audit tables, read from dbt's manifest.

The manifest is the one registry: name, schema, key (for MERGE) and nothing else is repeated here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines import duck

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


@dataclass(frozen=True)
class Content:
    """Row count and order-independent SHA-256 of a table's columns and rows."""

    rows: int
    sha256: str


def read_manifest(manifest: Path) -> list[Mart]:
    """Every model of the published schemas, by schema and name; ValueError where a key is missing."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    marts = []
    for node in nodes:
        if node["resource_type"] != "model" or node["schema"] not in SCHEMAS:
            continue
        key = node["config"].get("meta", {}).get("key")
        if not key:
            raise ValueError(
                f"dbt model {node['name']} is public but has no config.meta.key: "
                f"name the columns of its grain in its YAML, the publisher merges by them."
            )
        marts.append(Mart(node["schema"], node["alias"], tuple(key)))
    return sorted(marts, key=lambda mart: mart.qualified)


def columns(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """column → DuckDB type, in table order."""
    return {row[0]: row[1] for row in con.execute(f"describe {relation}").fetchall()}


def content(con: duckdb.DuckDBPyConnection, relation: str) -> Content:
    """The content hash: equal for equal multisets of rows, whatever order they lie in.

    SHA-256 of each row's JSON, sorted within 256 buckets, hashed again bucket by bucket: no single
    string grows with the table. Cryptographic, so a sum of hashes would not do.
    """
    described = columns(con, relation)
    row_json = "{" + ", ".join(f"{duck.literal(c)}: {duck.identifier(c)}" for c in described) + "}"
    row = con.execute(
        f"""
        with hashed as (select sha256(to_json({row_json})::varchar) as h from {relation}),
        buckets as (
            select h[1:2] as bucket, count(*) as n, sha256(string_agg(h, '' order by h)) as digest
            from hashed group by 1
        )
        select coalesce(sum(n), 0)::bigint, coalesce(string_agg(digest, '' order by bucket), '')
        from buckets
        """
    ).fetchone()
    assert row is not None
    schema = json.dumps(list(described.items()))
    return Content(int(row[0]), hashlib.sha256((schema + row[1]).encode()).hexdigest())
