"""What is written of a source whose shape drifts: nothing personal, nothing unasked, and all of it said."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.landing.batches import Batch
from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError

DAY = date(2025, 8, 6)
ROWS = ["A,1,H41.01,2025-08-06 08:00:00", "B,2,H41.01,2025-08-06 09:00:00"]


def source(tmp_path: Path, **changes: Any) -> Source:
    options: dict[str, Any] = {
        "name": "log", "title_vi": "", "connector": "files", "grain": "", "key": ("code",), "suite": "x",
        "partitioning": "change_day", "path": str(tmp_path / "log.csv"), "format": "csv",
        "max_rejected_share": 0, "datetime_formats": ("%Y-%m-%d %H:%M:%S",),
        "columns": (
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "channel", "raw": "Kênh", "value_map": {"1": "in_person", "2": "online"}},
            {"name": "unit_code", "raw": "Đơn vị"}, {"name": "due_at", "raw": "Hạn", "type": "timestamp"},
        ),
    }  # fmt: skip
    return Source.model_validate(options | changes)


def landed(tmp_path: Path, rows: list[str], header: str = "Mã,Kênh,Đơn vị,Hạn", **changes: Any) -> Batch:
    (tmp_path / "log.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return land_partition(source(tmp_path, **changes), DAY, Settings(data=tmp_path), run_id="r")


def texts(batch: Batch) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        return con.execute(f"select * from read_parquet('{batch.path}')").fetchall()


def test_what_is_as_the_contract_says_needs_no_note(tmp_path: Path) -> None:
    assert landed(tmp_path, ROWS).notes == ()


def test_an_unknown_word_is_told_with_its_count_and_landed_for_the_suite(tmp_path: Path) -> None:
    batch = landed(tmp_path, [*ROWS, "C,9,H41.01,", "D,9,H41.01,"])
    assert batch.notes == ("words unknown in channel: '9' (2)",)
    assert batch.rows == 4


@pytest.mark.parametrize(
    ("mode", "rows", "message"),
    [
        ("unknown_word", ["A,9,H41.01,"], "words unknown in channel: '9' (1)"),
        ("changed_type", ["A,1,U,06/08/2025"] * 10, "no value of due_at reads as timestamp: '99/99/9999'"),
    ],
)
def test_drift_may_be_forbidden_and_then_nothing_is_landed(
    tmp_path: Path, mode: str, rows: list[str], message: str
) -> None:
    with pytest.raises(PermanentSourceError) as error:
        landed(tmp_path, rows, drift={mode: "fail"})
    assert message in str(error.value) and "log 2025-08-06" in str(error.value)
    assert not list(tmp_path.glob("landing/**/*.parquet"))
    assert landed(tmp_path, rows, drift={mode: "warn"}).notes == (message,)
    assert landed(tmp_path, rows, drift={mode: "ignore"}).notes == ()


def test_a_header_that_came_is_told_forbidden_or_ignored(tmp_path: Path) -> None:
    header, rows = "Mã,Kênh,Đơn vị,Hạn,Ghi chú", [f"{row},x" for row in ROWS]
    message = "columns not in the contract, dropped: Ghi chú"
    with pytest.raises(PermanentSourceError, match=f"{message}.*`drift` of log"):
        landed(tmp_path, rows, header, drift={"extra_column": "fail"})
    batch = landed(tmp_path, rows, header)
    assert batch.notes == (message,)
    assert len(texts(batch)[0]) == 4
    assert landed(tmp_path, rows, header, drift={"extra_column": "ignore"}).notes == ()


def test_a_header_that_is_not_there_stops_the_pull_unless_the_contract_lets_it(tmp_path: Path) -> None:
    header, columns = "Mã,Kênh,Đơn vị,Hạn", (*source(tmp_path).columns, {"name": "sector"})
    with pytest.raises(PermanentSourceError, match=r"column 'sector' .* is not there"):
        landed(tmp_path, ROWS, header, columns=columns)
    message = ("optional columns absent: sector",)
    assert landed(tmp_path, ROWS, header, columns=columns, drift={"absent_column": "warn"}).notes == message
    optional = (*source(tmp_path).columns, {"name": "sector", "optional": True})
    assert landed(tmp_path, ROWS, header, columns=optional).notes == message
    assert landed(tmp_path, ROWS, header, columns=columns, drift={"absent_column": "ignore"}).notes == ()


SECTOR = {"name": "sector", "raw": "Lĩnh vực", "optional": True}


def without_columns(batch: Batch) -> None:
    """As sidecars were before they told which columns had a header."""
    content = json.loads(batch.sidecar.read_text(encoding="utf-8"))
    batch.sidecar.write_text(
        json.dumps({k: v for k, v in content.items() if k != "columns"}), encoding="utf-8"
    )


@pytest.mark.parametrize("is_old", [False, True])
def test_a_default_may_be_added_changed_and_removed_where_the_header_never_came(
    tmp_path: Path, is_old: bool
) -> None:
    for default in (None, "đất", "nước", None, "đất"):
        column = SECTOR | ({"default": default} if default else {})
        batch = landed(tmp_path, ROWS, columns=(*source(tmp_path).columns, column))
        assert batch.columns == ("code", "channel", "unit_code", "due_at")
        if is_old:
            without_columns(batch)


@pytest.mark.parametrize(
    ("values", "is_old"), [(("đất", "đất"), False), (("", ""), False), (("đất", "rừng"), True)]
)
def test_a_header_that_came_once_is_lost_whatever_stood_below_it(
    tmp_path: Path, values: tuple[str, str], is_old: bool
) -> None:
    columns = (*source(tmp_path).columns, SECTOR | {"default": "đất"})
    rows = [f"{row},{value}" for row, value in zip(ROWS, values, strict=True)]
    batch = landed(tmp_path, rows, "Mã,Kênh,Đơn vị,Hạn,Lĩnh vực", columns=columns)
    if is_old:
        without_columns(batch)
    with pytest.raises(
        PermanentSourceError, match=r"column 'sector' .* is gone; the delivery of 2025-08-06 had it"
    ):
        landed(tmp_path, ROWS, columns=columns)


def test_an_extra_column_is_landed_only_where_the_contract_allows_it(tmp_path: Path) -> None:
    header, rows = "Mã,Kênh,Đơn vị,Hạn,Ghi chú khác", ["A,1,U,,gọi 0912345678"]
    batch = landed(tmp_path, rows, header, extra_columns={"Ghi chú khác": "free_text"})
    assert texts(batch) == [("A", "1", "U", None, "gọi ‹personal data removed›")]


def test_two_headers_that_read_alike_are_refused_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(PermanentSourceError, match="'Mã', 'ma' read alike, and both fit 'code'"):
        landed(
            tmp_path,
            ["A,1,U,,B"],
            "Mã,Kênh,Đơn vị,Hạn,ma",
            columns=({"name": "code", "raw": "MA", "required": True},),
        )


def test_personal_data_in_a_mapped_a_typed_or_a_code_column_never_comes_to_rest(tmp_path: Path) -> None:
    removed = "‹personal data removed›"
    rows = ["A,0912345678,me@example.org,040099012345", "B,2,123456789,2025-08-06 09:00:00"]
    assert texts(landed(tmp_path, rows)) == [
        ("A", removed, removed, removed),
        # A code of nine digits is a code.
        ("B", "2", "123456789", "2025-08-06 09:00:00"),
    ]


def test_a_time_or_a_word_that_looks_like_an_id_is_kept(tmp_path: Path) -> None:
    columns = (
        {"name": "code", "raw": "Mã"},
        {"name": "channel", "raw": "Kênh", "value_map": {"123456789012": "online"}},
        {"name": "unit_code", "raw": "Đơn vị", "scan": False},
        {"name": "due_at", "raw": "Hạn", "type": "timestamp"},
    )
    row = ("A", "123456789012", "064120000000", "202508060900")
    batch = landed(tmp_path, [",".join(row)], columns=columns, datetime_formats=("%Y%m%d%H%M",))
    assert texts(batch) == [row]
