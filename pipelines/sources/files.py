"""Files people export: CSV, XLSX and folders of JSON pages, read as text, typed later by contract.

Only mapped columns get past the reader; personal and unknown ones are dropped here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError
from pipelines.sources.mapping import map_columns
from pipelines.sources.relation import Relation
from pipelines.sources.spreadsheet import read_sheet


@contextmanager
def pull(
    source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
) -> Iterator[Relation]:
    """The file of this pull day as text columns.

    NotProvided where the day has no file, PermanentSourceError where it cannot be read or mapped.
    """
    path = source.resolved_path(settings.data, str(partition))
    if not path.exists():
        raise NotProvided(f"{source.name} {partition}: no file {path.name} in {path.parent.name}/.")
    read = {"csv": _csv, "xlsx": _xlsx, "json": _json_folder}[str(source.format)]
    try:
        yield read(source, partition, path, con)
    except (ValueError, OSError, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise PermanentSourceError(
            f"{source.name} {partition}: {path.name} cannot be read as {source.format} "
            f"({type(error).__name__}: {str(error).splitlines()[0]}). Nothing was landed. "
            f"Ask for a fresh export, or correct `format`, `encoding` or `delimiter` in sources.yaml."
        ) from None


def _csv(source: Source, partition: date, path: Path, con: duckdb.DuckDBPyConnection) -> Relation:
    read = (
        f"read_csv({duck.literal(path)}, delim = {duck.literal(source.delimiter or ',')}, "
        f"header = true, all_varchar = true, quote = '\"', escape = '\"', strict_mode = true, "
        f"encoding = {duck.literal(source.encoding or 'utf-8')})"
    )
    headers = [str(row[0]) for row in con.execute(f"describe from {read}").fetchall()]
    mapped = map_columns(source, str(partition), headers)
    columns = {name: duck.identifier(raw) for name, raw in mapped.columns.items()}
    return Relation(read, columns, path.name, mapped.notes)


def _xlsx(source: Source, partition: date, path: Path, con: duckdb.DuckDBPyConnection) -> Relation:
    constants: Mapping[str, Mapping[str, str]] = source.sheets or {"": {}}
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for name, values in constants.items():
        sheet = read_sheet(path, name or None, marker=source.header_marker)
        mapped = map_columns(source, str(partition), [*sheet.frame.columns, *values])
        frame = sheet.frame.assign(**values)[list(mapped.columns.values())]
        frames.append(frame.set_axis(list(mapped.columns), axis=1))
        notes += [f"{name}: {note}" for note in (*mapped.notes, *sheet.notes)]
    return _registered(pd.concat(frames, ignore_index=True), con, path.name, tuple(notes))


def _json_folder(source: Source, partition: date, path: Path, con: duckdb.DuckDBPyConnection) -> Relation:
    pages = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(path.glob("page_*.json"))]
    if not pages:
        raise NotProvided(f"{source.name} {partition}: no pages in {path.name}/.")
    return from_pages(source, partition, pages, con, f"{path.name}/page_*.json")


def from_pages(
    source: Source,
    partition: date,
    pages: Iterable[Mapping[str, Any]],
    con: duckdb.DuckDBPyConnection,
    origin: str,
) -> Relation:
    """Rows of API pages (`records` names the list, `page_constants` what each page says once)."""
    rows: list[dict[str, Any]] = []
    for page in pages:
        said = {name: dig(page, where) for name, where in source.page_constants.items()}
        found = dig(page, str(source.records))
        if not isinstance(found, list):
            raise PermanentSourceError(
                f"{source.name} {partition}: a page has no list at {source.records!r}. "
                f"Correct `records` of {source.name} in sources.yaml."
            )
        rows += [said | record for record in found]
    frame = pd.DataFrame(rows, dtype=object)
    mapped = map_columns(source, str(partition), list(frame.columns))
    chosen = frame[list(mapped.columns.values())].set_axis(list(mapped.columns), axis=1)
    return _registered(chosen, con, origin, mapped.notes)


def dig(page: Mapping[str, Any], where: str) -> Any:
    """`dig(page, "data.children")` walks nested objects; None where a step is absent."""
    value: Any = page
    for step in where.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _registered(
    frame: pd.DataFrame, con: duckdb.DuckDBPyConnection, origin: str, notes: tuple[str, ...]
) -> Relation:
    arrays = {
        name: pa.array([cell_text(cell) for cell in frame[name].tolist()], pa.string())
        for name in frame.columns
    }
    con.register("incoming", pa.table(arrays))
    return Relation("incoming", {n: duck.identifier(n) for n in frame.columns}, origin, notes)


def cell_text(cell: Any) -> str | None:
    """A native cell as text that typing reads back exactly: ISO dates, whole floats as integers."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and pd.isna(cell)):
        return None
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
