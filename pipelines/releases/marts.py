"""What a release holds: the public marts and audit tables, read from dbt's manifest.

The manifest is the one registry: name, schema, key (for MERGE) and nothing else is repeated here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines import duck

SCHEMAS = ("marts", "audit")
# Types whose printed form can hold no `|`.
PLAIN = ("BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "HUGEINT", "DECIMAL")


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
    """column → DuckDB type, in table order. `relation`: anything that may follow FROM."""
    return {row[0]: row[1] for row in con.execute(f"describe from {relation}").fetchall()}


def content(con: duckdb.DuckDBPyConnection, relation: str) -> Content:
    """The content hash: equal for equal multisets of rows, whatever order they lie in.

    SHA-256 of each row, sorted within 256 buckets, hashed again bucket by bucket: no single string
    grows with the table. Cryptographic, so a sum of hashes would not do.
    """
    described = columns(con, relation)
    return digest(con, described, f"select {row_hash(described)} as h from {relation}")


def contents(con: duckdb.DuckDBPyConnection, relations: Mapping[str, str]) -> dict[str, Content]:
    """name → content of its relation; tables side by side, since one table alone does not fill the cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda relation: content(con.cursor(), relation), relations.values())
        return dict(zip(relations, found, strict=True))


def same_rows(con: duckdb.DuckDBPyConnection, a: str, b: str) -> bool:
    """Whether two relations hold the same columns and the same multiset of rows, by two sums of 64-bit
    hashes: enough against slips of our own, at a tenth of what SHA-256 costs."""
    described = columns(con, a)
    if columns(con, b) != described:
        return False
    hashed = f"hash({', '.join(map(duck.identifier, described))})"
    sums = [
        con.execute(f"select count(*), sum({hashed}), bit_xor({hashed}) from {relation}").fetchone()
        for relation in (a, b)
    ]
    return sums[0] == sums[1]


def row_hash(described: dict[str, str]) -> str:
    """SQL: SHA-256 of one row. `|` announces what follows (`||` a bar, `|,` the next column, `|0` NULL),
    so that two different rows never read the same; column names and types are hashed once, apart.
    """
    texts = [
        f"coalesce(replace({duck.identifier(c)}, '|', '||'), '|0')"
        if kind == "VARCHAR"
        else f"coalesce(replace({duck.identifier(c)}::varchar, '|', '||'), '|0')"
        if not kind.startswith(PLAIN)
        else f"coalesce({duck.identifier(c)}::varchar, '|0')"
        for c, kind in described.items()
    ]
    return f"sha256(concat_ws('|,', {', '.join(texts)}))"


def digest(con: duckdb.DuckDBPyConnection, described: dict[str, str], hashes: str) -> Content:
    """`hashes`: a query of row hashes named `h`; the content hash of the table they are the rows of."""
    row = con.execute(
        f"""
        with hashed as ({hashes}),
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
