"""Trace: from a row of a mart back to dossiers, landed rows, batches, and the file or query they came from.

Read from a kept release and from landing, which never changes; no personal value is in either.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines import duck
from pipelines.explain.trace_rule import TraceRule, read_trace_rule
from pipelines.lake import catalogue as lake
from pipelines.lake import inputs, ledger
from pipelines.lake.content_hash import describe_columns
from pipelines.lake.ledger import Release
from pipelines.lake.manifest import index_models
from pipelines.landing.batches import hash_file, rows_sql
from pipelines.settings import Settings
from pipelines.sql import read_sql

ROWS_PER_ITEM = 20


class TraceError(LookupError):
    """The mart, its key or the release is not there; the text says what is."""


@dataclass(frozen=True)
class Trace:
    """`items`: the first of `item_count` items that the row counts; `rows`: their landed rows, at most 20
    for each; `batches`: every batch that holds a row of any of them, with `rows` of each. `counted`: what
    the row itself says. A mart that counts no items has `batches` alone."""

    release: Release
    mart: str
    row: dict[str, Any]
    source: str | None
    item_count: int
    counted: int | None
    items: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)


def trace_row(
    settings: Settings, mart: str, key: list[str], *, release_id: int | None = None, limit: int = 10
) -> Trace:
    """`key`: the mart's key in its own order, or `column=value` words. TraceError where nothing fits."""
    with lake.open_lake(settings) as con:
        release = _find_kept_release(con, release_id)
        name = _find_mart(release, mart)
        manifest = json.loads((settings.dbt_target / "manifest.json").read_text(encoding="utf-8"))
        node = index_models(manifest).get(name)
        if node is None:
            raise TraceError(f"{name} is no model of today's project; its key is not known.")
        meta = node["config"]["meta"]
        row = _find_row(con, release, name, list(meta["key"]), key)
        try:
            rule = read_trace_rule(name, meta)
        except ValueError as error:
            raise TraceError(str(error)) from None
        if rule is None or rule.relation not in release.marts:
            sources = _list_sources(manifest, node["unique_id"])
            batches = _list_batches(con, settings, release, sources)
            return Trace(release, name, row, ", ".join(sorted(sources)), 0, None, batches=batches)
        count, items = _list_items(con, release, rule, row, limit)
        _view_landed_rows(con, _landed_files(con, settings, release, rule.source), rule)
        per_batch = dict(con.execute("select batch_id, count(*) from landed group by batch_id").fetchall())
        rows = _list_rows(con, release, rule, limit)
        batches = _list_batches(con, settings, release, {rule.source}, per_batch)
        counted = row.get(rule.counts) if rule.counts else None
        return Trace(release, name, row, rule.source, count, counted, items, rows, batches)


def _find_kept_release(con: duckdb.DuckDBPyConnection, release_id: int | None) -> Release:
    try:
        release = ledger.find_release(ledger.list_releases(con), release_id)
    except LookupError as error:
        raise TraceError(str(error)) from None
    if release not in ledger.list_kept(con, [release]):
        raise TraceError(
            f"The contents of release {release.release_id} were pruned; "
            f"`thongsuot verify --rebuild {release.release_id}` builds them again."
        )
    return release


def _find_mart(release: Release, mart: str) -> str:
    """The mart's `schema.table`; the table's name alone will do."""
    matches = [name for name in release.marts if mart in (name, name.split(".")[1])]
    if not matches:
        names = ", ".join(sorted(name.split(".")[1] for name in release.marts))
        raise TraceError(f"Release {release.release_id} has no mart {mart!r}; it has {names}.")
    return matches[0]


def _at(release: Release, name: str) -> str:
    """SQL: the table as the release has it."""
    table = duck.identifier(lake.ALIAS, *name.split("."))
    return f"{table} at (version => {release.snapshot_id})"


def _read_key(words: list[str], keys: list[str], columns: dict[str, str], name: str) -> dict[str, str]:
    """column → text, from values in the key's order or from `column=value` words."""
    pairs = [re.match(r"(\w+)=(.*)", word) for word in words]
    if words and all(pair and pair[1] in columns for pair in pairs):
        return {pair[1]: pair[2] for pair in pairs if pair}
    if len(words) == len(keys):
        return dict(zip(keys, words, strict=True))
    values = "its value" if len(keys) == 1 else f"{len(keys)} values"
    raise TraceError(f"{name} is keyed by {', '.join(keys)}: give {values}, or COLUMN=VALUE.")


def _show_keys(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    keys: list[str],
    near: dict[str, str],
    columns: dict[str, str],
) -> str:
    """Some keys that are there, those that share the most leading columns with `near` first."""
    listed = ", ".join(duck.identifier(key) for key in keys)
    shared = [column for column in keys if column in near]
    while True:
        tests = " and ".join(f"{duck.identifier(c)} = try_cast(? as {columns[c]})" for c in shared) or "true"
        rows = con.execute(
            f"select distinct {listed} from {relation} where {tests} order by {listed} limit 3",
            [near[column] for column in shared],
        ).fetchall()
        if rows or not shared:
            words = [" ".join(shlex.quote(str(value)) for value in row) for row in rows]
            return f" Keys that are there: {'; '.join(words)}, …" if words else " It has no rows."
        shared.pop()


def _find_row(
    con: duckdb.DuckDBPyConnection, release: Release, name: str, keys: list[str], words: list[str]
) -> dict[str, Any]:
    columns = describe_columns(con, _at(release, name))
    try:
        values = _read_key(words, keys, columns, name)
    except TraceError as error:
        raise TraceError(f"{error}{_show_keys(con, _at(release, name), keys, {}, columns)}") from None
    tests = " and ".join(f"{duck.identifier(c)} = try_cast(? as {columns[c]})" for c in values)
    rows = _fetch(con, f"from {_at(release, name)} where {tests} limit 2", list(values.values()))
    text = ", ".join(f"{column} = {value}" for column, value in values.items())
    if not rows:
        there = _show_keys(con, _at(release, name), keys, values, columns)
        raise TraceError(
            f"{name} of release {release.release_id} has no row with {text}. Its key is {', '.join(keys)}.{there}"
        )
    if len(rows) > 1:
        raise TraceError(f"{name} has several rows with {text}; its key is {', '.join(keys)}.")
    return rows[0]


def _fetch(con: duckdb.DuckDBPyConnection, query: str, parameters: Any = None) -> list[dict[str, Any]]:
    cursor = con.execute(query, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _list_items(
    con: duckdb.DuckDBPyConnection, release: Release, rule: TraceRule, row: dict[str, Any], limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many items the row counts, and the first of them; all are in temp table `items`.

    A value that the row lacks is NULL, so that its condition does not choose.
    """
    values = {name: row.get(name) for name in re.findall(r"\$(\w+)", rule.condition)}
    relation = _at(release, rule.relation)
    con.execute(
        f"create or replace temp table items as select distinct {rule.items} as item_code "
        f"from {relation} where {rule.condition}",
        values,
    )
    count = con.execute("select count(*) from items").fetchone()
    first = f"(select item_code from items order by item_code limit {limit:d})"
    query = f"from {relation} where {rule.items} in {first} and ({rule.condition}) order by {rule.items}"
    return int(count[0]) if count else 0, _fetch(con, query, values)


def _landed_files(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, source: str
) -> list[Path]:
    """Of the batches of a source that count in the release."""
    files = [
        settings.landing / batch.source / batch.partition / f"{batch.batch_id}.parquet"
        for batch in inputs.list_inputs(con, release.release_id)
        if batch.source == source and batch.standing == "current"
    ]
    lost = [path.name for path in files if not path.exists()]
    if lost or not files:
        raise TraceError(f"landing lacks {lost[0] if lost else 'every batch'}: run `thongsuot verify`.")
    return files


def _view_landed_rows(con: duckdb.DuckDBPyConnection, files: list[Path], rule: TraceRule) -> None:
    """Temp view `landed`: every landed row of the items, in the source's own words."""
    con.execute(
        f"create or replace temp view landed as select parse_filename(filename, true) as batch_id, "
        f"* exclude (filename, file_index) from {rows_sql(files)} "
        f"where {rule.items} in (select item_code from items)"
    )


def _list_rows(
    con: duckdb.DuckDBPyConnection, release: Release, rule: TraceRule, limit: int
) -> list[dict[str, Any]]:
    """Landed rows of the first items, the rejected ones marked with their rules."""
    rejections = _at(release, "audit.rejections")
    query = read_sql(
        "pipelines.explain", "landed_rows",
        rejections=rejections, item=rule.items, limit=limit, row_limit=ROWS_PER_ITEM * limit,
    )  # fmt: skip
    return _fetch(con, query)


def _list_sources(manifest: dict[str, Any], model: str) -> set[str]:
    """Every source that a model reads, through all models between."""
    visited, waiting, sources = set[str](), [model], set[str]()
    while waiting:
        node = waiting.pop()
        if node in visited:
            continue
        visited.add(node)
        if node.startswith("source."):
            sources.add(node.rsplit(".", 1)[1])
        waiting += manifest["parent_map"].get(node, [])
    return sources


def _list_batches(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    release: Release,
    sources: set[str],
    per_batch: dict[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Batches of the sources with their origin, those of `per_batch` alone where it is there.

    `intact`: the file still has the bytes it landed with.
    """
    batches = []
    for batch in _fetch(
        con,
        f"select source, partition_key::varchar as partition, batch_id, rows_read, sha256, origin, "
        f"pulled_at, run_id from {_at(release, 'audit.batches')} where is_current order by all",
    ):
        if batch["source"].removeprefix("reference_") not in sources:
            continue
        if per_batch is not None:
            if batch["batch_id"] not in per_batch:
                continue
            batch["rows"] = per_batch[batch["batch_id"]]
        path = settings.landing / batch["source"] / batch["partition"] / f"{batch['batch_id']}.parquet"
        batch["path"] = path.relative_to(settings.data).as_posix()
        batch["intact"] = path.exists() and hash_file(path) == batch["sha256"]
        batches.append(batch)
    return batches
