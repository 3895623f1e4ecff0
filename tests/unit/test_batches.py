"""Landing: a batch exists when its sidecar does, and never half."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing import batches
from pipelines.landing.batches import (
    Batch,
    LandingError,
    find_newest_batch,
    find_newest_batches,
    list_batches,
    rows_sql,
    verify_batch,
    write_batch,
)
from pipelines.landing.clock import list_future_batches


def write(values: list[str]):
    def write_to(path: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"_row": range(1, len(values) + 1), "code": values}), path)
        return "by hand", ()

    return write_to


def landed(root: Path, values: list[str], day: str = "2025-08-06") -> Batch:
    return write_batch(root, "log", day, write(values), run_id="r1")


def test_a_batch_is_listed_with_what_its_sidecar_says(tmp_path: Path) -> None:
    batch = landed(tmp_path, ["a", "b"])
    assert list(list_batches(tmp_path)) == [batch]
    sidecar = json.loads(batch.sidecar.read_text())
    assert (sidecar["source"], sidecar["partition"], sidecar["rows"], sidecar["run_id"]) == (
        "log",
        "2025-08-06",
        2,
        "r1",
    )
    assert sidecar["origin"] == "by hand" and len(sidecar["sha256"]) == 64


def test_a_partition_pulled_twice_keeps_both_batches_and_the_newest_counts(tmp_path: Path) -> None:
    landed(tmp_path, ["a"])
    second = landed(tmp_path, ["a", "b"])
    assert len(list(list_batches(tmp_path))) == 2
    assert find_newest_batches(tmp_path, "log") == {"2025-08-06": second}


def test_a_pull_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def breaks(path: Path) -> tuple[str, tuple[str, ...]]:
        path.write_bytes(b"half a file")
        raise ConnectionError("the server went away")

    with pytest.raises(ConnectionError):
        write_batch(tmp_path, "log", "2025-08-06", breaks, run_id="r1")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert list(list_batches(tmp_path)) == []


def test_a_parquet_without_its_sidecar_does_not_exist(tmp_path: Path) -> None:
    batch = landed(tmp_path, ["a"])
    batch.sidecar.unlink()
    assert find_newest_batches(tmp_path, "log") == {}


def test_an_edited_batch_is_refused_by_name(tmp_path: Path) -> None:
    batch = landed(tmp_path, ["a"])
    batch.path.write_bytes(batch.path.read_bytes() + b"x")
    with pytest.raises(LandingError, match=batch.batch_id):
        verify_batch(batch)


def test_a_row_s_number_is_its_place_in_its_file(tmp_path: Path) -> None:
    """Also across files, whatever is asked of them, and where an older batch stored the number itself."""
    new, old = tmp_path / "new.parquet", tmp_path / "old.parquet"
    pq.write_table(pa.table({"code": [f"n{i}" for i in range(1, 200_001)]}), new, row_group_size=50_000)
    pq.write_table(pa.table({"_row": [1, 2], "code": ["o1", "o2"]}), old)
    query = f"select _row, code from {rows_sql([new, old])} where code in ('n150000', 'o2') order by code"
    assert duckdb.sql(query).fetchall() == [(150_000, "n150000"), (2, "o2")]


def test_a_batch_counts_after_one_of_a_clock_that_ran_ahead(tmp_path: Path) -> None:
    """The clock is a label: what landed later counts, and the label of the future is named until then."""
    ahead = landed_at(tmp_path, datetime.now(UTC) + timedelta(days=365), "WRONG")
    assert [batch.batch_id for batch in list_future_batches(tmp_path)] == [ahead.batch_id]
    true = landed_at(tmp_path, datetime.now(UTC), "true")
    assert find_newest_batch(tmp_path, "s", "2025-08-01") == true
    assert find_newest_batches(tmp_path, "s") == {"2025-08-01": true}
    assert [batch.batch_id for batch in list_batches(tmp_path)] == [ahead.batch_id, true.batch_id]
    assert true.pulled_at < ahead.pulled_at and list_future_batches(tmp_path) == []
    assert landed_at(tmp_path, datetime.now(UTC), "again").batch_id > true.batch_id


def landed_at(root: Path, moment: datetime, text: str) -> Batch:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment

    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"a": [text]}), out)
        return "by hand", ()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "datetime", Clock)
        return batches.write_batch(root, "s", "2025-08-01", write, run_id="r")


def test_of_ten_thousand_notes_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"_row": pa.array([], pa.int64())}), out)
        return "an API", tuple(f"page {n}: other columns" for n in range(10_000))

    notes = write_batch(tmp_path, "log", "2025-08-06", write, run_id="t").notes
    assert (len(notes), notes[0], notes[-1]) == (101, "page 0: other columns", "9900 more notes, not kept")
