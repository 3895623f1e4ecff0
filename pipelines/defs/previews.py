"""The first rows of each mart, for its page in the UI. What a mart shows has no personal data in it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import duckdb

from pipelines import duck
from pipelines.settings import Settings

MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 5, 10, 40


def preview_marts(settings: Settings, manifest: Mapping[str, Any]) -> dict[str, str]:
    """`marts.<name>` → its first rows and columns as a Markdown table; nothing of a warehouse that is not there."""
    previews: dict[str, str] = {}
    if not settings.warehouse.exists():
        return previews
    names = [
        f"{n['schema']}.{n['alias']}" for n in manifest["nodes"].values()
        if n["resource_type"] == "model" and n["schema"] == "marts"
    ]  # fmt: skip
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        for name in names:
            with suppress(duckdb.CatalogException):  # a model that failed
                cursor = con.execute(f"from {name} limit {MOST_ROWS}")
                columns = [column[0] for column in cursor.description or []][:MOST_COLUMNS]
                previews[name] = _write_table(columns, [row[:MOST_COLUMNS] for row in cursor.fetchall()])
    return previews


def _write_table(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    cells = [
        ["" if value is None else str(value).replace("|", "\\|")[:MOST_CHARACTERS] for value in row]
        for row in rows
    ]
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
