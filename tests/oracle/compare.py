"""Two tables side by side: what one has and the other has not, and the first cells that differ."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd


def differences(
    mart: pd.DataFrame, oracle: pd.DataFrame, key: list[str], columns: list[str] | None = None
) -> list[str]:
    """In words, at most ten; empty where both say the same. `columns`: of both, by default the oracle's."""
    columns = columns or [c for c in oracle.columns if c not in key]
    said, counted = _rows(mart, key, columns), _rows(oracle, key, columns)
    found = [f"{k}: only in the mart {said[k]}" for k in said.keys() - counted.keys()]
    found += [f"{k}: only counted {counted[k]}" for k in counted.keys() - said.keys()]
    for k in said.keys() & counted.keys():
        found += [
            f"{k} {c}: mart {a!r}, counted {b!r}"
            for c, a, b in zip(columns, said[k], counted[k], strict=True)
            if not _same(a, b)
        ]
    return sorted(found)[:10]


def _rows(table: pd.DataFrame, key: list[str], columns: list[str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    if table.empty:
        return {}
    plain = [_plain(table[c]) for c in (*key, *columns)]
    rows = {row[: len(key)]: row[len(key) :] for row in zip(*plain, strict=True)}
    assert len(rows) == len(table), f"the key {key} is not unique"
    return rows


def _plain(column: pd.Series) -> list[Any]:
    values = column.astype(object).where(column.notna(), None)
    return [
        v.to_pydatetime() if isinstance(v, pd.Timestamp) else v.isoformat() if type(v) is date else v
        for v in (_midnight(v) for v in values)
    ]


def _midnight(value: Any) -> Any:
    """A day is a day, whether a date or a timestamp at midnight."""
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return value.date()
    return value


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if isinstance(a, float) or isinstance(b, float):
        return abs(float(a) - float(b)) < 1e-9
    return bool(a == b)
