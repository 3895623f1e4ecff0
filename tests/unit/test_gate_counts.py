"""Counts that only grow, in two captures of a ranking by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.gate.counts import list_fallen_counts

BEFORE = {"01": 800_000, "42": 160_000, "38": 90_000, "44": 10, "46": 100, "48": 100, "52": 100}


def compare(folder: Path, now: Mapping[str, int]) -> list[tuple[float, float, tuple[str, ...]]]:
    files = []
    for name, counts in (("before", BEFORE), ("now", now)):
        path = folder / f"{name}.parquet"
        pq.write_table(
            pa.table(
                {"province_code": list(counts), "received_total": pa.array(counts.values(), pa.int64())}
            ),
            path,
        )
        files.append([str(path)])
    with duckdb.connect() as con:
        facts = list(list_fallen_counts(con, "national_ranking", ["province_code"], *files))
    assert [fact.scope for fact in facts] == ["national_ranking: received_total"]
    return [(fact.value, fact.weight, fact.details) for fact in facts]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (0.0, 0.0, ())),
        # Ours is zero; one is corrected; one of a handful is gone; one grows; one is no longer there.
        ({"42": 0, "38": 89_100, "44": 0, "01": 820_000},
         (1.0, 160_000, ("received_total 42: 160000 → 0, 38: 90000 → 89100",))),
        # The portal answers zeros: three are named, the others counted.
        (dict.fromkeys(BEFORE, 0),
         (1.0, 800_000, ("received_total 01: 800000 → 0, 38: 90000 → 0, 42: 160000 → 0, (+3)",))),
    ],
)  # fmt: skip
def test_what_fell_is_named_with_both_counts(
    tmp_path: Path, changes: dict[str, int], expected: tuple[float, float, tuple[str, ...]]
) -> None:
    assert compare(tmp_path, BEFORE | changes) == [expected]


def test_who_is_no_longer_listed_fell_from_nothing(tmp_path: Path) -> None:
    assert compare(tmp_path, {"01": 800_000}) == [(0.0, 0.0, ())]
