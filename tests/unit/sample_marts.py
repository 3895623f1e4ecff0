"""A release by hand: tables given as SQL, described as dbt's manifest would."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.releases.publish import Publication, publish
from pipelines.releases.retention import forget_releases
from pipelines.settings import Settings
from pipelines.warehouse.sealed_build import seal_build
from tests.support.small_lake import build


class SampleMart(NamedTuple):
    """A mart's rows as a query, its key, and what its YAML would say."""

    query: str
    key: tuple[str, ...]
    open_data: dict[str, Any] | None = None
    description: str = ""
    columns: dict[str, str] = {}  # noqa: RUF012  (never written to)


def released(settings: Settings, marts: dict[str, SampleMart]) -> Publication:
    """Build, describe and publish them as the next release."""
    build(settings, [])  # the marks of a finished build, and two marts that make room
    nodes = {}
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("drop schema marts cascade; create schema marts; create schema if not exists audit")
        for name, mart in marts.items():
            schema, table = name.split(".")
            con.execute(f"create or replace table {duck.identifier(schema, table)} as {mart.query}")
            meta = {"key": list(mart.key), **({"open_data": mart.open_data} if mart.open_data else {})}
            nodes[f"model.{name}"] = {
                "resource_type": "model", "schema": schema, "alias": table, "name": table,
                "description": mart.description, "config": {"meta": meta},
                "columns": {name: {"description": description} for name, description in mart.columns.items()},
            }  # fmt: skip
    seal_build(settings)
    (settings.dbt_target / "manifest.json").write_text(json.dumps({"nodes": nodes}))
    return publish(settings, run_id="run", author="test", reason="by hand")


def prune_first(settings: Settings) -> None:
    """The contents of the first release leave the lake, and so do all states that no release names."""
    with open_lake(settings, read_only=False) as con:
        chain = list_releases(con)
        forget_releases(con, chain, chain[:1], datetime(2025, 8, 1), "test", "by hand")
