"""However the same records arrive, the same are accepted; and whatever arrives, nothing is lost.

The demo's own dossier contract and suite, over records made up by Hypothesis.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from pipelines.landing.batches import LandedBatch, land
from pipelines.quality.reports import Report
from pipelines.quality.validate import validate
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contract import load_contracts

SOURCE = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"]
# The threshold is another matter: here every batch may reject as much as it must.
SOURCE = SOURCE.model_copy(update={"max_rejected_share": 1.0})
COLUMNS = [c.name for c in SOURCE.columns]
DAYS = ["2025-08-04", "2025-08-05", "2025-08-06"]

Record = dict[str, str | None]

sometimes_wrong = st.fixed_dictionaries(
    {
        "dossier_code": st.sampled_from(["H41.16-250722-0000001", "H41.16-250722-0000002", "HS-3", None]),
        "status_code": st.sampled_from(["1", "2", "4", "9", "10", "15", None]),
        "recorded_at": st.sampled_from(["2025-08-04 08:00:00", "2025-08-05 09:00:00", "2055-01-01 00:00:00"]),
        "synced_at": st.sampled_from(["2025-08-05 10:00:00", "2025-08-06 10:00:00", "sớm"]),
        "channel": st.sampled_from(["1", "2", None, "9"]),
        "receiving_unit_code": st.sampled_from(["16681", None]),
        "received_at": st.sampled_from(["20250804080000", None, "2025-13-45"]),
        "finished_at": st.sampled_from(["20250804080001", "20200101000000", None]),
        "procedure_name": st.sampled_from(["Đăng ký khai sinh", "Nghá»‡", None]),
    }
)


def landed(settings: Settings, day: str, rows: list[Record]) -> LandedBatch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        table = {c: pa.array([row.get(c) for row in rows], pa.string()) for c in COLUMNS}
        pq.write_table(pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **table}), out)
        return "by hand", ()

    return land(settings.landing, SOURCE.name, day, write, run_id="test")


def accepted(reports: list[Report]) -> set[tuple[Any, ...]]:
    """Distinct accepted records, without where they came from."""
    listed = ", ".join(f"'{r.accepted}'" for r in reports)
    return set(
        duckdb.sql(
            f"select distinct * exclude (batch_id, partition_key, _row) from read_parquet([{listed}])"
        ).fetchall()
    )


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    records=st.lists(sometimes_wrong, min_size=1, max_size=8),
    data=st.data(),
)
def test_reordered_repeated_split_and_delivered_again_the_same_records_are_accepted(
    records: list[Record], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    once = Settings(data=tmp_path_factory.mktemp("once"))
    expected = accepted(validate(SOURCE, [landed(once, DAYS[-1], records)], once))

    again = Settings(data=tmp_path_factory.mktemp("again"))
    repeats = data.draw(st.lists(st.sampled_from(records), max_size=4))
    parts: dict[str, list[Record]] = {day: [] for day in DAYS}
    for record in data.draw(st.permutations([*records, *repeats])):
        parts[data.draw(st.sampled_from(DAYS))].append(record)
    batches = [landed(again, day, rows) for day, rows in parts.items()]
    # Delivered again, a day makes a new batch, and only that one counts.
    day = data.draw(st.sampled_from(DAYS))
    batches.append(landed(again, day, parts[day]))
    reports = {r.partition: r for r in validate(SOURCE, batches, again)}
    assert accepted(list(reports.values())) == expected


def test_validated_in_one_chunk_or_one_by_one_the_reports_say_the_same(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also of repeats, late states and moves, which look at the days before."""
    code = {"dossier_code": "H41.16-250722-0000001", "receiving_unit_code": "16681"}

    def row(status: str, at: str) -> Record:
        return code | {"status_code": status, "recorded_at": at, "synced_at": "2025-08-06 10:00:00"}

    done = row("10", "2025-08-04 09:00:00")
    days = {
        "2025-08-04": [row("2", "2025-08-04 08:00:00"), done, row("15", "2025-08-04 10:00:00")],
        "2025-08-05": [done, row("4", "2025-08-04 08:30:00")],
        "2025-08-06": [row("4", "2025-08-05 08:00:00")],
    }
    batches = [landed(settings, day, rows) for day, rows in days.items()]
    apart = [report for batch in batches for report in validate(SOURCE, [batch], settings)]
    together = validate(SOURCE, batches, settings)
    assert together == apart
    told = [
        {r["rule"]: r["sample_rows"] for r in report.results if r["rule"].startswith(("state_", "status_m"))}
        for report in together
    ]
    assert told == [
        {"state_repeated": [], "state_late": [], "status_move_unexpected": []},
        {"state_repeated": [1], "state_late": [2], "status_move_unexpected": []},
        {"state_repeated": [], "state_late": [], "status_move_unexpected": [1]},
    ]


def four(
    kind: pa.DataType, cells: st.SearchStrategy[Any]
) -> st.SearchStrategy[tuple[pa.DataType, list[Any]]]:
    return st.tuples(st.just(kind), st.lists(st.none() | cells, min_size=4, max_size=4))


# Arrow types that connectors really land, and some that none should.
ANY_COLUMN = st.one_of(
    four(pa.string(), st.text(max_size=30)),
    four(pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    four(pa.float64(), st.floats()),
    four(pa.bool_(), st.booleans()),
    four(pa.timestamp("us"), st.datetimes()),
    four(pa.date32(), st.dates()),
)


@hypothesis_settings(max_examples=12, deadline=None)
@given(columns=st.dictionaries(st.sampled_from(COLUMNS), ANY_COLUMN, min_size=1))
def test_whatever_the_cells_hold_rows_read_are_accepted_or_rejected(
    columns: dict[str, tuple[pa.DataType, list[Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = Settings(data=tmp_path_factory.mktemp("any"))

    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        cells = {c: pa.array(values, kind) for c, (kind, values) in columns.items()}
        pq.write_table(pa.table({"_row": pa.array(range(1, 5), pa.int64()), **cells}), out)
        return "by hand", ()

    batch = land(settings.landing, SOURCE.name, DAYS[-1], write, run_id="test")
    [report] = validate(SOURCE, [batch], settings)
    rows = {r for (r,) in duckdb.sql(f"select _row from '{report.accepted}'").fetchall()}
    out = (
        {r for (r,) in duckdb.sql(f"select _row from '{report.rejected}'").fetchall()}
        if report.rejected.exists()
        else set()
    )
    assert report.rows_read == 4 == report.rows_accepted + report.rows_rejected
    assert rows | out == {1, 2, 3, 4} and not rows & out
    assert report.page.read_text("utf-8").startswith("<!doctype html>")
