"""Reference files as batches: landed again only where a file or its mapping changed.

So a release depends on landed batches alone, also for the units, procedures and cut-offs it used. A
reference table is all or nothing: it is landed in canonical form, or refused with row and value.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import duck
from pipelines.landing.batches import Batch, Written, find_newest_batches, hash_file, write_batch
from pipelines.landing.controls import select_plain_sql
from pipelines.landing.lost_columns import check_lost_columns, list_columns
from pipelines.privacy.redaction import redact_text
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Column, Contracts, Source
from pipelines.sources.contracts.source import REFERENCE_PREFIX
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files import connector as files
from pipelines.sources.files.file_set import check_files
from pipelines.sources.mapping import observe_matches
from pipelines.sources.values.misread_letters import MISREAD
from pipelines.sources.values.parsing import clean_text_sql, is_empty_sql, typed_value_sql

PREFIX = REFERENCE_PREFIX
# Where the file lies, how much it may ask of the machine, and what people read about it.
NOT_READING: Any = {
    "path": True, "limits": True, "title_vi": True, "description": True, "owner": True, "grain": True,
    "unit": True, "suite": True, "freshness_hours": True, "max_rejected_share": True,
    "columns": {"__all__": {"title_vi", "description"}},
}  # fmt: skip


def land_reference(
    contracts: Contracts, settings: Settings, *, run_id: str, root: Path | None = None
) -> list[Batch]:
    """Land every reference table whose file differs from its newest batch; returns the new ones."""
    root = root or settings.landing
    today = datetime.now(LOCAL_ZONE).date()
    changed: list[tuple[Source, str]] = []
    for name, table in contracts.reference.items():
        source = table.as_source()
        path = source.resolved_path(settings.data, str(today))
        if not path.exists():
            raise PermanentSourceError(
                f"reference {name}: no file {path}. Correct `reference.{name}.path` in sources.yaml."
            )
        check_files(source, [path])
        origin = f"{redact_text(path.name)} sha256:{hash_file(path)} mapping:{hash_mapping(source)}"
        earlier = find_newest_batches(root, PREFIX + name)
        if not earlier or earlier[max(earlier)].origin != origin:
            changed.append((source, origin))
    if not changed:
        return []
    with duck.connect(settings.extensions) as con:
        duck.fit_threads(con, 0)  # lists that people write

        def land(source: Source, origin: str) -> Batch:
            def write(out: Path) -> Written:
                notes, columns = _write(source, today, settings, con, out)
                return Written(origin, notes, columns=columns)

            return write_batch(root, source.name, today.isoformat(), write, run_id=run_id)

        return [land(source, origin) for source, origin in changed]


def hash_mapping(source: Source) -> str:
    """Changes with every key that the place sets and that may decide how its file is read.

    Keys at their default are left out, so that a key which the project adds lands no table anew.
    """
    keys = source.model_dump_json(exclude=NOT_READING, exclude_defaults=True)
    return hashlib.sha256(keys.encode()).hexdigest()[:8]


def _write(
    source: Source, today: date, settings: Settings, con: duckdb.DuckDBPyConnection, out: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every canonical column as canonical text (2025-07-01, true); the error names row and value.

    Returns notes, and the columns that had a header.
    """
    with observe_matches() as matches, files.pull(source, today, settings, con) as relation:
        texts = ", ".join(
            f"{relation.columns.get(c.name, 'null::varchar')} as {_name(c)}" for c in source.columns
        )
        names = [c.name for c in source.columns]
        plain = select_plain_sql(names, f"(select {texts} from {relation.sql})")
        con.execute(
            f"create or replace temp table texts as select row_number() over () as _row, * from ({plain})"
        )
    label = f"reference {source.name.removeprefix(PREFIX)}"
    check_lost_columns(source, str(today), matches, settings.landing, label=label)
    clean = ", ".join(f"{clean_text_sql(source, c)} as {_name(c)}" for c in source.columns)
    con.execute(f"create or replace temp table clean as select _row, {clean} from texts order by _row")
    typed = {c.name: typed_value_sql(source, c, _name) for c in source.columns}
    for column in source.columns:
        is_empty = is_empty_sql(source, column, _name(column))
        missing_sql = is_empty if column.required else "false"
        row = con.execute(
            f"select _row, {_name(column)} from clean where {missing_sql} "
            f"or (not {is_empty} and {typed[column.name]} is null) order by _row limit 1"
        ).fetchone()
        if row:
            words = f" (one of {', '.join(column.meanings)})" if column.meanings else ""
            what = f"cannot be {row[1]!r}: it is {column.type}{words}" if row[1] else "is empty"
            raise PermanentSourceError(
                f"reference {source.name.removeprefix(PREFIX)}, row {row[0]}: {column.name} {what}. Correct "
                f"the file ({Path(str(source.path)).name}) or its entry under `reference` in sources.yaml."
            )
        if column.name in source.free_text_columns():
            _refuse_misread(con, source, column)
    canonical = ", ".join(f"cast({sql} as varchar) as {duck.identifier(name)}" for name, sql in typed.items())
    con.execute(
        f"copy (select _row, {canonical} from clean order by _row) to {duck.literal(out)} {duck.PARQUET}"
    )
    return tuple(relation.notes), list_columns(matches)


def _refuse_misread(con: duckdb.DuckDBPyConnection, source: Source, column: Column) -> None:
    """Names stand in every mart: of what is written for another font or encoding, nothing is landed."""
    row = con.execute(
        f"select _row, {_name(column)} from clean where regexp_matches({_name(column)}, ?) order by _row limit 1",
        [MISREAD],
    ).fetchone()
    if row:
        raise PermanentSourceError(
            f"reference {source.name.removeprefix(PREFIX)}, row {row[0]}: {column.name} {row[1]!r} is wrongly encoded "
            f"(mojibake, a TCVN3 or VNI font, ? for letters). Save {Path(str(source.path)).name} in Unicode."
        )


def _name(column: Column) -> str:
    return duck.identifier(column.name)
