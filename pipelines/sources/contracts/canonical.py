"""The canonical sources and reference tables (canonical.yaml), laid under what sources.yaml says.

A place names headers, words and addresses; what a column is called, means and holds is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipelines.sources.contracts.names import closest, fold, nearest

CANONICAL = Path(__file__).with_name("canonical.yaml")


class Problem(NamedTuple):
    """What is wrong at a key path of sources.yaml; the text never repeats a value."""

    path: tuple[Any, ...]
    text: str


@cache
def canonical() -> dict[str, Any]:
    """`sources`, `reference` and `personal` of canonical.yaml."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load(CANONICAL.read_text(encoding="utf-8"), Loader=loader)
    return content


@cache
def _personal() -> dict[str, str]:
    return {fold(header): kind for header, kind in canonical()["personal"].items()}


def personal_class(header: str) -> str | None:
    """The class of a header known to hold personal data: `ChuHoSo` → `name`."""
    return _personal().get(fold(header))


def likely_personal(header: str) -> str | None:
    """Also where the header only ends so, like the label under a merged one; for suggestions."""
    folded = fold(header)
    ends = (kind for known, kind in _personal().items() if len(known) > 4 and folded.endswith(known))
    return personal_class(header) or next(ends, None)


def lay_under(content: dict[str, Any]) -> list[Problem]:
    """Completes every source and reference table of `content` in place; returns what does not fit."""
    problems: list[Problem] = []
    for kind in ("sources", "reference"):
        said = content.get(kind)
        for name, table in said.items() if isinstance(said, dict) else ():
            if isinstance(table, dict):
                known = canonical()[kind].get(name)
                problems += _complete(table, known, (kind, name), strict=kind == "sources")
                table["name"] = name
    return problems


def _complete(
    table: dict[str, Any], known: Mapping[str, Any] | None, path: tuple[Any, ...], *, strict: bool
) -> Iterator[Problem]:
    """`strict`: a column that is not said is not matched either, so that nothing lands unasked."""
    columns = table.get("columns", {})
    if not isinstance(columns, dict):
        return
    said = {str(name): _said(column) for name, column in columns.items()}
    if known is None and not strict:
        near = nearest(path[-1], canonical()["reference"])
        yield Problem(path, f"`{path[-1]}` is none of the reference tables{near}")
    if known is None:
        if strict and not {"grain", "key", "suite"} <= table.keys():
            others = canonical()["sources"]
            near = closest(path[-1], others) or ", ".join(others)
            yield Problem(path, f"`{path[-1]}` is none of the canonical sources; did you mean {near}?")
        table["columns"] = [{"name": n, **c} if isinstance(c, dict) else c for n, c in said.items()]
        return
    for key, value in known.items():
        if key not in ("columns", "required"):
            table.setdefault(key, value)
    for name in [n for n in said if n not in known["columns"]]:
        yield Problem(
            (*path, "columns", name),
            f"`{name}` is no column of {path[-1]}{nearest(name, known['columns'])}"
            + (" A column of your own goes under `extra_columns`." if strict else ""),
        )
        del said[name]
    merged = []
    for name, canon in known["columns"].items():
        mine = said.get(name)
        if mine is not None and not isinstance(mine, dict):
            merged.append(mine)
            continue
        if mine and mine.get("type", canon.get("type", "text")) != canon.get("type", "text"):
            kind = canon.get("type", "text")
            yield Problem(
                (*path, "columns", name, "type"), f"`{name}` is {kind} in every place; leave it out."
            )
            mine = {k: v for k, v in mine.items() if k != "type"}
        aliases = [*((mine or {}).get("aliases") or []), *canon.get("aliases", [])]
        merged.append(
            {
                **canon,
                **(mine or {}),
                "name": name,
                "aliases": aliases,
                "mapped": name in said or not strict,
                "required": canon.get("required", False) or bool((mine or {}).get("required", False)),
            }
        )
    table["columns"] = merged


def _said(column: Any) -> Any:
    """`dossier_code: MaHoSo` is short for `{raw: MaHoSo}`; unquoted whole numbers are words like others."""
    if isinstance(column, str):
        return {"raw": column}
    if column is None:
        return {}
    if isinstance(column, dict) and isinstance(column.get("value_map"), dict):
        words = {
            str(k) if type(k) is int else k: str(v) if type(v) is int else v
            for k, v in column["value_map"].items()
        }
        return {**column, "value_map": words}
    return column
