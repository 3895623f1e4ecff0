"""Two tables side by side: what one has and the other has not, and the first cells that differ."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd


def differences(mart: pd.DataFrame, oracle: pd.DataFrame, key: list[str]) -> list[str]:
    """In words, at most ten; empty where both say the same in every column the oracle counted."""
    if mart.empty or oracle.empty:
        return [f"{len(mart)} rows in the mart, {len(oracle)} counted"] * (len(mart) != len(oracle))
    columns = [c for c in oracle.columns if c not in key]
    mart_values, counted = ({c: _values(table[c]) for c in [*key, *columns]} for table in (mart, oracle))
    both = pd.DataFrame(mart_values).merge(
        pd.DataFrame(counted),
        on=key,
        how="outer",
        suffixes=("", " counted"),
        indicator="side",
        validate="1:1",
    )
    lines = [
        f"{key_values}: only {'in the mart' if side == 'left_only' else 'counted'}"
        for *key_values, side in both.loc[both["side"] != "both", [*key, "side"]]
        .head(10)
        .itertuples(index=False)
    ]
    both = both[both["side"] == "both"]
    for column in columns:
        left, right = both[column], both[f"{column} counted"]
        unlike = both[~((left == right) | (left.isna() & right.isna()))]
        for *cell, in_mart, expected in unlike[[*key, column, f"{column} counted"]].itertuples(index=False):
            if len(lines) < 10 and not _same(in_mart, expected):
                lines.append(f"{cell} {column}: mart {in_mart!r}, counted {expected!r}")
    return sorted(lines)[:10]


def _values(column: pd.Series) -> pd.Series:
    """So that kinds of columns do not matter: a day is a day, also as midnight; a number is a number."""
    values = column.dropna()
    if len(values) and isinstance(values.iloc[0], date):
        return pd.to_datetime(column).astype("datetime64[us]")
    if column.dtype.kind in "iuf":
        return column.astype("float64")
    return column.astype(object).where(column.notna(), None)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        return left is not None and right is not None and abs(float(left) - float(right)) < 1e-9
    return bool(left == right)
