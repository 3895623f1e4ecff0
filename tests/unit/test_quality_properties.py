"""However the same records arrive, the same are accepted; and whatever arrives, nothing is lost.

The demo's own dossier contract and suite, over records made up by Hypothesis: read from files, landed,
validated. An example costs the whole suite twice, so there are few, each with much in it.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import duckdb
import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from pipelines.landing.batches import Batch, find_newest_batches
from pipelines.landing.pull import land_partition
from pipelines.quality.reports import Report
from pipelines.quality.validate import validate_batches
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Source, load_contracts
from pipelines.sources.errors import DeliveryRefused, PermanentSourceError
from tests.support.boundaries import EXTENT
from tests.support.examples import bounded

# The threshold is another matter: here every batch may reject as much as it must.
SOURCE = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"].model_copy(
    update={
        "max_rejected_share": 1.0, "connector": "files", "format": "csv", "delimiter": ",",
        "path": "{data}/in/{partition}*.csv",
    }
)  # fmt: skip
RAW = {c.name: str(c.raw) for c in SOURCE.columns if c.mapped}
COLUMNS = list(RAW)
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


def delivered(settings: Settings, day: str, name: str, rows: list[Record]) -> None:
    """A CSV file of the day, as its source would write it."""
    folder = settings.data / "in"
    folder.mkdir(exist_ok=True)
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object).rename(columns=RAW)
    frame.to_csv(folder / f"{day}_{name}.csv", index=False)


def landed(settings: Settings, day: str, rows: list[Record]) -> Batch:
    delivered(settings, day, "whole", rows)
    return land_partition(SOURCE, date.fromisoformat(day), settings, run_id="test")


def accepted(reports: list[Report]) -> set[tuple[Any, ...]]:
    """Distinct accepted records, without where they came from."""
    listed = ", ".join(f"'{r.accepted}'" for r in reports)
    return set(
        duckdb.sql(
            f"select distinct * exclude (batch_id, partition_key, _row) from read_parquet([{listed}])"
        ).fetchall()
    )


@EXTENT
def test_reordered_repeated_split_and_delivered_again_the_same_records_are_accepted(
    every: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @bounded(every, 3, 25)
    @given(records=st.lists(sometimes_wrong, min_size=4, max_size=8), data=st.data())
    def check(records: list[Record], data: st.DataObject) -> None:
        once = Settings(data=tmp_path_factory.mktemp("once"))
        expected = accepted(validate_batches(SOURCE, [landed(once, DAYS[-1], records)], once))

        again = Settings(data=tmp_path_factory.mktemp("again"))
        repeats = data.draw(st.lists(st.sampled_from(records), min_size=1, max_size=4))
        parts: dict[tuple[str, str], list[Record]] = {(day, file): [] for day in DAYS for file in "ab"}
        for record in data.draw(st.permutations([*records, *repeats])):
            parts[data.draw(st.sampled_from(sorted(parts)))].append(record)
        for (day, file), rows in parts.items():
            delivered(again, day, file, rows)
        # Delivered again, a day makes a new batch, and only that one counts.
        for day in [*DAYS, data.draw(st.sampled_from(DAYS))]:
            land_partition(SOURCE, date.fromisoformat(day), again, run_id="test")
        assert (
            accepted(
                validate_batches(
                    SOURCE, list(find_newest_batches(again.landing, SOURCE.name).values()), again
                )
            )
            == expected
        )

    check()


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
    apart = [report for batch in batches for report in validate_batches(SOURCE, [batch], settings)]
    together = validate_batches(SOURCE, batches, settings)
    assert together == apart
    reports = [
        {r["rule"]: r["sample_rows"] for r in report.results if r["rule"].startswith(("state_", "status_m"))}
        for report in together
    ]
    assert reports == [
        {"state_repeated": [], "state_late": [], "status_move_unexpected": []},
        {"state_repeated": [1], "state_late": [2], "status_move_unexpected": []},
        {"state_repeated": [], "state_late": [], "status_move_unexpected": [1]},
    ]


ROWS = 12


def cells(kind: pa.DataType, of: st.SearchStrategy[Any]) -> st.SearchStrategy[pa.Array]:
    drawn = st.lists(st.none() | of, min_size=ROWS, max_size=ROWS)
    return drawn.map(lambda values: pa.array(values, kind))


# Types that a source may really send, whatever the contract expects in the column.
ANY_COLUMN = st.one_of(
    cells(pa.string(), st.text(max_size=30)),
    cells(pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    cells(pa.float64(), st.floats()),
    cells(pa.bool_(), st.booleans()),
    cells(pa.timestamp("us"), st.datetimes()),
    cells(pa.date32(), st.dates()),
)


def balanced(settings: Settings, source: Source, batch: Batch) -> None:
    """Every row read is accepted or rejected, once; and there is a page that says so."""
    [report] = validate_batches(source, [batch], settings)
    kept, out = (
        [r for (r,) in duckdb.sql(f"select _row from '{file}'").fetchall()] if file.exists() else []
        for file in (report.accepted, report.rejected)
    )
    # A row that breaks several rules stands there once for each.
    assert report.rows_read == batch.rows == report.rows_accepted + report.rows_rejected
    assert sorted([*kept, *set(out)]) == list(range(1, batch.rows + 1))
    assert report.page.read_text("utf-8").startswith("<!doctype html>")


def lost_digits(column: pa.Array) -> bool:
    """A code kept as a floating-point number of sixteen digits or more is not what was written."""
    values = [value for value in column.to_pylist() if isinstance(value, float)]
    return any(math.isfinite(value) and abs(value) >= 1e15 for value in values)


@EXTENT
def test_whatever_the_cells_hold_rows_read_are_accepted_or_rejected(
    every: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @bounded(every, 3, 25)
    @given(columns=st.fixed_dictionaries(dict.fromkeys(COLUMNS, ANY_COLUMN)))
    def check(columns: dict[str, pa.Array]) -> None:
        settings = Settings(data=tmp_path_factory.mktemp("any"))
        (settings.data / "in").mkdir()
        table = pa.table({RAW[name]: array for name, array in columns.items()})
        pq.write_table(table, settings.data / "in" / f"{DAYS[-1]}.parquet")
        typed = SOURCE.model_copy(update={"format": "parquet", "path": "{data}/in/{partition}.parquet"})
        is_lossy = any(map(lost_digits, (columns[name] for name in SOURCE.code_columns() & columns.keys())))
        try:
            batch = land_partition(typed, date.fromisoformat(DAYS[-1]), settings, run_id="test")
        except DeliveryRefused as error:
            assert is_lossy and "digits" in str(error)
            return
        assert batch.rows == ROWS and not is_lossy
        balanced(settings, typed, batch)

    check()


@EXTENT
def test_whatever_the_bytes_are_a_file_is_refused_or_all_its_rows_are_accounted_for(
    every: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Among sound lines, so that what is read is more than a header."""

    @bounded(every, 3, 25)
    @given(lines=st.lists(st.binary(max_size=60), max_size=6), row_count=st.integers(0, 6))
    def check(lines: list[bytes], row_count: int) -> None:
        settings = Settings(data=tmp_path_factory.mktemp("bytes"))
        delivered(
            settings, DAYS[-1], "x", [{"dossier_code": f"H41.16-250722-{n:07d}"} for n in range(row_count)]
        )
        file = settings.data / "in" / f"{DAYS[-1]}_x.csv"
        file.write_bytes(file.read_bytes() + b"\n".join(lines))
        try:
            batch = land_partition(SOURCE, date.fromisoformat(DAYS[-1]), settings, run_id="test")
        except PermanentSourceError as error:
            assert str(error).startswith(f"dossier_log {DAYS[-1]}: ")
            assert not [path for path in settings.landing.rglob("*") if path.is_file()]
            return
        assert batch.rows >= row_count
        balanced(settings, SOURCE, batch)

    check()
