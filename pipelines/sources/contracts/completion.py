"""sources.yaml completed by the canon: a place names headers, words and addresses, all else is the same for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.sources.connectors import CONNECTORS
from pipelines.sources.contracts.canon import find_suite, read_canon
from pipelines.sources.contracts.canonical import CanonicalTable
from pipelines.sources.contracts.filling import locate_paths
from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.problems import MOST_PROBLEMS, Problem

# The folder of a place's own rules, beside its sources.yaml.
SUITES = "expectations"


def complete_contracts(content: dict[str, Any], folder: Path) -> list[Problem]:
    """Completes every source and reference table of `content` in place; returns what does not fit.

    `folder`: that of sources.yaml, from which relative paths are counted. After MOST_PROBLEMS it stops.
    """
    return list(islice(_complete_tables(content, folder), MOST_PROBLEMS))


def _complete_tables(content: dict[str, Any], folder: Path) -> Iterator[Problem]:
    canon = read_canon()
    for kind, canonical in (("sources", canon.sources), ("reference", canon.reference)):
        tables = content.get(kind)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if name not in canonical:
                yield _refuse_unknown(kind, name, canonical)
            if isinstance(table, dict):
                locate_paths(table, folder)
                yield from _complete(table, canonical.get(name), (kind, name), strict=kind == "sources")
                table["name"] = name
                if kind == "sources" and name in canonical:
                    _add_place(table, content.get("place"), folder / SUITES / str(name))


def _add_place(source: dict[str, Any], place: Any, suite: Path) -> None:
    """What a source knows of its place; `suite`: its own rules' file, without a suffix."""
    files = [path for suffix in (".yaml", ".json") if (path := suite.with_suffix(suffix)).is_file()]
    source["place_suite"] = str(files[0]) if files else None
    country = place.get("country") if isinstance(place, dict) else None
    source["country"] = country if isinstance(country, str) else "VN"


def _complete(
    table: dict[str, Any], canonical: CanonicalTable | None, path: tuple[Any, ...], *, strict: bool
) -> Iterator[Problem]:
    """`strict`: a column without an entry is not matched either, so that nothing lands unasked."""
    columns = table.get("columns", {})
    if not isinstance(columns, dict):
        return
    if strict:
        yield from _refuse_foreign_keys(table, path)
    entries = {str(name): _spell_out(column) for name, column in columns.items()}
    if canonical is None:
        table["columns"] = [{"name": n, **c} if isinstance(c, dict) else c for n, c in entries.items()]
        return
    for key, value in canonical.inherited().items():
        table.setdefault(key, value)
    if strict:
        table.setdefault("suite", find_suite(str(path[-1])))
    for name in [n for n in entries if n not in canonical.columns]:
        yield Problem(
            (*path, "columns", name),
            f"`{name}` is no column of {path[-1]}{suggest_nearest(name, canonical.columns)}"
            + (" A column of your own goes under `extra_columns`." if strict else ""),
        )
        del entries[name]
    merged = []
    for name, keys in canonical.columns.items():
        entry = entries.get(name)
        if entry is not None and not isinstance(entry, dict):
            yield Problem(
                (*path, "columns", name),
                f"`{'.'.join(map(str, path))}.columns.{name}`: expected a header; put it in quotes (no, yes and "
                f"numbers are none without)",
            )
            entry = {}
        entry = entry or {}
        kind = keys.get("type", "text")
        if entry.get("type", kind) != kind:
            yield Problem(
                (*path, "columns", name, "type"), f"`{name}` is {kind} in every place; leave it out."
            )
            entry = {k: v for k, v in entry.items() if k != "type"}
        merged.append(_merge(name, keys, entry, mapped=name in entries or not strict))
    table["columns"] = merged


def _refuse_unknown(kind: str, name: Any, canonical: Mapping[str, CanonicalTable]) -> Problem:
    """What the canon does not have, no model of the warehouse reads: the build would fail, or leave it out."""
    tables = "canonical sources" if kind == "sources" else "reference tables"
    near = suggest_nearest(name, canonical) or f"; they are {', '.join(canonical)}"
    return Problem((kind, name), f"`{name}` is none of the {tables}{near}")


def _refuse_foreign_keys(table: dict[str, Any], path: tuple[Any, ...]) -> Iterator[Problem]:
    """Keys that the source's connector never reads: they would be believed to do something."""
    connectors = {connector.name: connector for connector in CONNECTORS}
    name = str(table.get("connector"))
    foreign = connectors[name].list_foreign_keys() if name in connectors else {}
    for key in [key for key in table if key in foreign]:
        where = ".".join(map(str, (*path, key)))
        yield Problem(
            (*path, key),
            f"`{where}` says nothing to `connector: {name}`; it is a key of {foreign[key]}",
        )
        del table[key]


def _merge(name: str, canonical: dict[str, Any], entry: dict[str, Any], *, mapped: bool) -> dict[str, Any]:
    """One column: the place's keys over the canon's. A constant needs no default.

    The canon's headers are read where the place names none of its own; else they are suggestions.
    """
    usual = tuple(canonical.get("aliases", ()))
    if "constant" in entry:
        canonical = {key: value for key, value in canonical.items() if key != "default"}
    return {
        **canonical,
        **entry,
        "name": name,
        "aliases": (*(entry.get("aliases") or ()), *(() if entry.get("raw") else usual)),
        "suggested": usual,
        "mapped": mapped,
        "default_alone": "default" in entry and not entry.get("raw"),
        "required": canonical.get("required", False) or bool(entry.get("required", False)),
    }


def _spell_out(column: Any) -> Any:
    """`dossier_code: MaHoSo` is short for `{raw: MaHoSo}`; unquoted whole numbers are words like others."""
    if isinstance(column, str):
        return {"raw": column}
    if column is None:
        return {}
    if not isinstance(column, dict):
        return column
    texts = {key: _as_word(column[key]) for key in ("default", "constant") if key in column}
    if isinstance(column.get("value_map"), dict):
        texts["value_map"] = {
            _as_word(word): _as_word(meaning) for word, meaning in column["value_map"].items()
        }
    return {**column, **texts}


def _as_word(value: Any) -> Any:
    return str(value) if type(value) is int else value
