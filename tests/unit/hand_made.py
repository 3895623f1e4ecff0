"""A release by hand: tables given as SQL, described as dbt's manifest would."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pipelines import duck
from pipelines.releases.publish import Outcome, publish
from pipelines.settings import Settings


class HandMade(NamedTuple):
    """A mart's rows as a query, its key, and what its YAML would say."""

    query: str
    key: tuple[str, ...]
    open_data: dict[str, Any] | None = None
    description: str = ""
    columns: dict[str, str] = {}  # noqa: RUF012  (never written to)


def released(settings: Settings, marts: dict[str, HandMade]) -> Outcome:
    """Build, describe and publish them as the next release."""
    settings.warehouse.unlink(missing_ok=True)
    nodes = {}
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema raw; create schema marts; create schema audit")
        for name, mart in marts.items():
            schema, table = name.split(".")
            con.execute(f"create table {duck.identifier(schema, table)} as {mart.query}")
            meta = {"key": list(mart.key), **({"open_data": mart.open_data} if mart.open_data else {})}
            nodes[f"model.{name}"] = {
                "resource_type": "model", "schema": schema, "alias": table, "name": table,
                "description": mart.description, "config": {"meta": meta},
                "columns": {name: {"description": told} for name, told in mart.columns.items()},
            }  # fmt: skip
        con.execute(
            "create table raw.finished_build as select timestamp '2025-08-06 23:59:59' as as_of, "
            "1::bigint as input_batches, 'in' as input_sha256, 'm' as manifest_sha256"
        )
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    (settings.dbt_target / "manifest.json").write_text(json.dumps({"nodes": nodes}))
    return publish(settings, run_id="run", author="test", reason="by hand")
