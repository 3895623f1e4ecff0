"""Trace: from a row of a mart back to dossiers, landed rows, batches, and the file or query they came from.

Read from a kept release and from landing, which never changes; no personal value is in either.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines import duck
from pipelines.explain.meaning import MEANINGS, Meaning
from pipelines.lake import catalogue as lake
from pipelines.lake import inputs, ledger
from pipelines.lake.content_hash import describe_columns
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file, rows_sql
from pipelines.settings import Settings


class TraceError(LookupError):
    """The mart, its key or the release is not there; the text says what is."""


@dataclass(frozen=True)
class Trace:
    """`items`: the first of `item_count` dossiers, tasks or issues; `rows`: their landed rows, at most
    `limit`; `batches`: every batch that holds a row of any of them, with `rows` of each."""

    release: Release
    mart: str
    row: dict[str, Any]
    source: str | None
    item_count: int
    counted: int | None
    items: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)


def trace(
    settings: Settings, mart: str, key: list[str], *, release_id: int | None = None, limit: int = 10
) -> Trace:
    """`key`: the mart's key in its own order, or `column=value` words. TraceError where nothing fits."""
    with lake.open_lake(settings) as con:
        try:
            release = ledger.find_release(ledger.list_releases(con), release_id)
        except LookupError as error:
            raise TraceError(str(error)) from None
        if release not in ledger.list_kept(con, [release]):
            raise TraceError(
                f"The contents of release {release.release_id} were pruned; "
                f"`thongsuot verify --rebuild {release.release_id}` builds them again."
            )
        name = _named(release, mart)
        manifest = json.loads((settings.dbt_target / "manifest.json").read_text(encoding="utf-8"))
        row = _row(con, release, name, _keys(manifest, name), key)
        meaning = MEANINGS.get(name)
        if meaning is None or meaning.relation not in release.marts:
            sources = _sources(manifest, name)
            return Trace(release, name, row, ", ".join(sorted(sources)), 0, None,
                         batches=_batches(con, settings, release, sources))  # fmt: skip
        count, items = _items(con, release, meaning, row, limit)
        landed = _landed(con, settings, release, meaning.source)
        rows, per_batch = _rows(con, release, meaning, landed, limit)
        batches = _batches(con, settings, release, {meaning.source}, per_batch)
        counted = row.get(meaning.counts) if meaning.counts else None
        return Trace(release, name, row, meaning.source, count, counted, items, rows, batches)


def _named(release: Release, mart: str) -> str:
    found = [name for name in release.marts if mart in (name, name.split(".")[1])]
    if not found:
        known = ", ".join(sorted(name.split(".")[1] for name in release.marts))
        raise TraceError(f"Release {release.release_id} has no mart {mart!r}; it has {known}.")
    return found[0]


def _at(release: Release, name: str) -> str:
    table = duck.identifier(lake.ALIAS, *name.split("."))
    return f"{table} at (version => {release.snapshot_id})"


def _keys(manifest: dict[str, Any], name: str) -> list[str]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and f"{node['schema']}.{node['alias']}" == name:
            return list(node["config"]["meta"]["key"])
    raise TraceError(f"{name} is no model of today's project; its key is not known.")


def _row(
    con: duckdb.DuckDBPyConnection, release: Release, name: str, keys: list[str], words: list[str]
) -> dict[str, Any]:
    described = describe_columns(con, _at(release, name))
    named = [re.match(r"(\w+)=(.*)", word) for word in words]
    if all(m and m[1] in described for m in named) and words:
        given = {m[1]: m[2] for m in named if m}
    elif len(words) == len(keys):
        given = dict(zip(keys, words, strict=True))
    else:
        raise TraceError(f"{name} is keyed by {', '.join(keys)}: give {len(keys)} values, or COLUMN=VALUE.")
    tests = [f"{duck.identifier(c)} = try_cast(? as {described[c]})" for c in given]
    cursor = con.execute(
        f"from {_at(release, name)} where {' and '.join(tests)} limit 2", list(given.values())
    )
    names = [d[0] for d in cursor.description or []]
    found = cursor.fetchall()
    if not found:
        raise TraceError(f"{name} of release {release.release_id} has no row with {_spoken(given)}.")
    if len(found) > 1:
        raise TraceError(f"{name} has several rows with {_spoken(given)}; its key is {', '.join(keys)}.")
    return dict(zip(names, found[0], strict=True))


def _spoken(given: dict[str, str]) -> str:
    return ", ".join(f"{c} = {v}" for c, v in given.items())


def _items(
    con: duckdb.DuckDBPyConnection, release: Release, meaning: Meaning, row: dict[str, Any], limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """Fills temp table `items`; a value that the row lacks is NULL, so its condition does not choose."""
    asked = set(re.findall(r"\$(\w+)", meaning.condition))
    values = {name: row.get(name) for name in asked}
    relation = _at(release, meaning.relation)
    con.execute(
        f"create or replace temp table items as select distinct {meaning.items} as item_code "
        f"from {relation} where {meaning.condition}",
        values,
    )
    counted = con.execute("select count(*) from items").fetchone()
    cursor = con.execute(
        f"from {relation} where {meaning.items} in (select item_code from items order by 1 limit {limit:d}) "
        f"and {meaning.condition} order by {meaning.items}",
        values,
    )
    names = [d[0] for d in cursor.description or []]
    return int(counted[0]) if counted else 0, [dict(zip(names, r, strict=True)) for r in cursor.fetchall()]


def _landed(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, source: str
) -> dict[str, Path]:
    """batch → its landed file, of the batches of a source that count in the release."""
    return {
        b.batch_id: settings.landing / b.source / b.partition / f"{b.batch_id}.parquet"
        for b in inputs.list_inputs(con, release.release_id)
        if b.source == source and b.standing == "current"
    }


def _rows(
    con: duckdb.DuckDBPyConnection, release: Release, meaning: Meaning, landed: dict[str, Path], limit: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Landed rows in the source's own words, the rejected ones marked with their rules."""
    lost = [path.name for path in landed.values() if not path.exists()]
    if lost or not landed:
        raise TraceError(f"landing lacks {lost[0] if lost else 'every batch'}: run `thongsuot verify`.")
    con.execute(
        f"create or replace temp view landed as select parse_filename(filename, true) as batch_id, "
        f"* exclude (filename, file_index) from {rows_sql(landed.values())} "
        f"where {meaning.items} in (select item_code from items)"
    )
    per_batch = dict(con.execute("select batch_id, count(*) from landed group by 1").fetchall())
    cursor = con.execute(
        f"""
        with rejected as (
            select batch_id, _row, string_agg(distinct rule, ', ' order by rule) as rejected_by
            from {_at(release, "audit.rejections")} group by 1, 2
        )
        select l.batch_id, l._row, r.rejected_by, l.* exclude (batch_id, _row)
        from landed as l left join rejected as r on l.batch_id = r.batch_id and l._row = r._row
        where l.{meaning.items} in (select item_code from items order by 1 limit {limit:d})
        order by l.{meaning.items}, l.batch_id, l._row limit {20 * limit:d}
        """
    )
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()], per_batch


def _sources(manifest: dict[str, Any], name: str) -> set[str]:
    """Every source that a model reads, through all models between."""
    start = [
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and f"{node['schema']}.{node['alias']}" == name
    ]
    seen, waiting, found = set[str](), list(start), set[str]()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.startswith("source."):
            found.add(node.rsplit(".", 1)[1])
        waiting += manifest["parent_map"].get(node, [])
    return found


def _batches(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    release: Release,
    sources: set[str],
    per_batch: dict[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Batches with their origin; `intact`: the file still has the bytes it landed with."""
    cursor = con.execute(
        f"select source, partition_key::varchar as partition, batch_id, rows_read, sha256, origin, "
        f"pulled_at, run_id from {_at(release, 'audit.batches')} where is_current order by all"
    )
    names = [d[0] for d in cursor.description or []]
    told = []
    for values in cursor.fetchall():
        batch = dict(zip(names, values, strict=True))
        if batch["source"].removeprefix("reference_") not in sources:
            continue
        if per_batch is not None:
            if batch["batch_id"] not in per_batch:
                continue
            batch["rows"] = per_batch[batch["batch_id"]]
        path = settings.landing / batch["source"] / batch["partition"] / f"{batch['batch_id']}.parquet"
        batch["path"] = path.relative_to(settings.data).as_posix()
        batch["intact"] = path.exists() and hash_file(path) == batch["sha256"]
        told.append(batch)
    return told
