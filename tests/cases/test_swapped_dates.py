"""Native dates beside texts: day and month exchanged by a spreadsheet is refused by its cause, and only that."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.landing.batches import Batch
from pipelines.landing.date_mixtures import find_exchange, find_running_months
from pipelines.quality.split import KeyedBatch
from pipelines.quality.whole import select_row_facts
from pipelines.sources.contracts.column import Column
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.relation import tells_only_now
from pipelines.sources.values.mixtures import MomentMixtures
from tests.cases.case_place import CasePlace

DUE = Column(name="due_date", type="date")
NATIVE_DAYS = (date(2025, 5, 8), date(2025, 6, 8), date(2025, 7, 8))
TYPED_DAYS = ("13/08/2025", "14/08/2025", "15/08/2025")


def mixture_of(*cells: Any) -> MomentMixtures:
    mixtures = MomentMixtures([DUE, Column(name="title")])
    for cell in cells:
        mixtures.count("due_date", cell)
        mixtures.count("title", cell)
    return mixtures


def test_a_workbook_opened_with_other_settings_is_refused_by_cause(tmp_path: Path) -> None:
    with pytest.raises(PermanentSourceError, match="day and month exchanged") as refused:
        CasePlace("swapped_dates", tmp_path).validate_day("dossier_log", "2025-08-06")
    assert "received_at" in str(refused.value) and "2025-08-06" in str(refused.value)


@pytest.mark.parametrize(
    "cells",
    [
        (*NATIVE_DAYS, datetime(2025, 4, 7), *TYPED_DAYS, "31/07/2025 10:00"),
        # The other way round: texts month first, opened where the day stands first.
        (*NATIVE_DAYS, date(2025, 4, 7), "08/13/2025", "08/14/2025", "08/15/2025", "7-31-2025"),
    ],
)
def test_dates_that_could_be_exchanged_beside_texts_that_could_not_are_refused(
    cells: tuple[Any, ...],
) -> None:
    with pytest.raises(ValueError, match="sheet S: column 'due_date' holds 4 native dates"):
        mixture_of(*cells).check("S")


@pytest.mark.parametrize(
    ("cells", "notes"),
    [
        ((*NATIVE_DAYS, date(2025, 4, 17), *TYPED_DAYS, "31/07/2025"), 1),
        ((*NATIVE_DAYS, date(2025, 4, 7), *TYPED_DAYS, "16/08/2025", "01/07/2025"), 1),
        ((*NATIVE_DAYS, date(2025, 4, 7), *TYPED_DAYS, "16/08/2025", "2025-08-14"), 1),
        ((date(2025, 5, 8), "13/08/2025"), 1),
        # Two ends of a quarter, or one day in many rows, are such by chance.
        ((date(2025, 5, 8), date(2025, 4, 7), "30/06/2025", "31/12/2025"), 1),
        ((*NATIVE_DAYS, date(2025, 4, 7), *["30/06/2025 10:00"] * 9), 1),
        ((*[date(2025, 5, 8)] * 9, *TYPED_DAYS, "16/08/2025"), 1),
        ((date(2025, 5, 8), date(2025, 4, 7), None), 0),
        (("13/08/2025", "31/07/2025"), 0),
    ],
)
def test_other_mixtures_are_only_noted(cells: tuple[Any, ...], notes: int) -> None:
    mixtures = mixture_of(*cells)
    mixtures.check("S")
    assert len(list(mixtures.list_notes("S"))) == notes


def test_a_state_later_than_the_table_itself_is_rejected(tmp_path: Path) -> None:
    place = CasePlace("sql_server_1900", tmp_path)
    place.append_line(
        "export_2025-08-07.csv",
        "63;H42.18-250805-00063;1.012790;18001;Trực tuyến;2025-08-05 10:00:00;2025-12-08 09:00:00;;;;Đang xử lý",
    )
    day = place.validate_day("dossier_log", "2025-08-07")
    # The milestone itself, and the row's own status, which was taken before that receipt.
    assert list(day.rejected.values()) == [{"recorded_after_export"}, {"received_after_recorded"}]


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_texts_of_which_a_part_was_exchanged_are_refused_in_any_format(tmp_path: Path, ending: str) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    header, first, *_ = (place.inbox / "export_2025-08-05.csv").read_text(encoding="utf-8").splitlines()
    names = header.lstrip("\ufeff").split(";")
    records = []
    for day in range(1, 31):
        record = dict(zip(names, first.split(";"), strict=True))
        received = f"2025-{day:02d}-07 08:00:00" if day <= 12 else f"{day}/07/2025 08:00:00"
        records.append(record | {"Số hồ sơ": f"H42.18-250805-{day:05d}", "Ngày tiếp nhận": received})
    file = place.inbox / f"export_2025-08-05.{ending}"
    if ending == "json":
        place.change_sources(
            'export_{partition}.csv"\n    format: csv\n    delimiter: ";"',
            'export_{partition}.json"\n    format: json',
        )
        file.write_text(json.dumps(records), encoding="utf-8")
    else:
        file.write_text("\n".join([header, *(";".join(r.values()) for r in records), ""]), encoding="utf-8")
    with pytest.raises(PermanentSourceError, match="column 'received_at' writes its dates in two ways"):
        place.validate_day("dossier_log", "2025-08-05")


@pytest.mark.parametrize(
    ("days", "is_exchange"),
    [
        (
            [
                "8/5/2025",
                "8/6/2025",
                "8/7/2025",
                "8/9/2025",
                "13/08/2025",
                "14/08/2025",
                "15/08/2025",
                "16/08/2025",
            ],
            True,
        ),
        (["8/5/2025", "8/6/2025", "8/7/2025", "13/8/2025", "13/08/2025", "14/08/2025", "15/08/2025"], False),
        (
            [
                "2025-08-05",
                "2025-08-13",
                "2025-08-07",
                "2025-08-09",
                "13/08/2025",
                "14/08/2025",
                "15/08/2025",
            ],
            False,
        ),
        (
            [
                "2025-08-05",
                "2025-08-06",
                "2025-08-07",
                "2025-08-09",
                "05/08/2025",
                "14/08/2025",
                "15/08/2025",
            ],
            False,
        ),
        (["13/08/2025", "05/08/2025", "14/08/2025"], False),
        # Days as people write them: one digit to the 9th, in the months of two digits and beside padded months.
        (["10/10/2025", *(f"{day}/10/2025" for day in (6, 7, 8, 9, 13, 14, 15, 16))], False),
        ([f"11/{day}/2025" for day in (1, 2, 3, 4, 13, 14, 15, 16)], False),
        ([f"{day}/08/2025" for day in (6, 7, 8, 9, 13, 14, 15, 16)], False),
        # Another sign, or another length of the year: written by somebody else.
        (
            [*(f"{month}-10-2025" for month in (6, 7, 8, 9)), *(f"{day}/10/2025" for day in range(13, 17))],
            True,
        ),
        ([*(f"10/{month}/25" for month in (6, 7, 8, 9)), *(f"{day}/10/2025" for day in range(13, 17))], True),
        (
            [*(f"2025-0{month}-10" for month in (6, 7, 8, 9)), *(f"{day}/10/2025" for day in range(13, 17))],
            True,
        ),
    ],
)
def test_only_what_must_be_an_exchange_is_called_one(days: list[str], is_exchange: bool) -> None:
    assert bool(find_exchange(days)) is is_exchange


def test_a_table_that_is_asked_late_may_hold_what_happened_since(tmp_path: Path) -> None:
    """It tells how things stand when it is pulled: its nominal hour of yesterday is no limit."""
    place = CasePlace("sql_server_1900", tmp_path)
    source = place.contracts.sources["dossier_log"]
    assert not tells_only_now(source)
    assert tells_only_now(source.model_copy(update={"path": "{data}/in/export.csv"}))
    table = source.model_copy(
        update={"connector": "database", "path": None, "table": "t", "url": "sqlite:///x"}
    )
    assert tells_only_now(table)
    dated = table.model_copy(update={"table": None, "query": "select * from t where day = :partition"})
    assert not tells_only_now(dated)
    batch = Batch("b", "dossier_log", "2025-08-06", 1, "", "", "", "2025-08-07 15:00:00", "r", tmp_path)
    facts = {
        name: select_row_facts(s, [KeyedBatch(batch, 0)]) for name, s in (("live", table), ("dated", dated))
    }
    moments = {
        name: duckdb.sql(f"select _export_at from (select {sql} from (select 0 as _batch))").fetchone()
        for name, sql in facts.items()
    }
    assert moments == {"live": (datetime(2025, 8, 8, 22, 0),), "dated": (datetime(2025, 8, 7, 17, 0),)}


@pytest.mark.parametrize(
    ("days", "is_told"),
    [
        (["08/01/2025", "08/03/2025", "08/04/2025", "08/06/2025"], True),  # 1 to 6 August, month first
        (
            ["2025-01-08", "2025-03-08", "2025-04-08", "2025-06-08"],
            True,
        ),  # the same, of a workbook's own dates
        (
            ["08/01/2025", "08/03/2025", "08/04/2025", "08/16/2025"],
            False,
        ),  # the last one has no value: rejected
        (["01/08/2025", "03/08/2025", "04/08/2025", "06/08/2025"], False),
        (["01/01/2025", "01/03/2025", "01/04/2025", "01/06/2025"], False),  # what begins with a month
        (["15/01/2025", "15/03/2025", "15/04/2025", "15/06/2025"], False),
        (["08/01/2025", "09/03/2025", "10/04/2025", "11/06/2025"], False),
        (["08/01/2025", "08/03/2025", "08/04/2025"], False),  # three may be chance
    ],
)
def test_a_whole_column_whose_months_run_and_whose_day_stands_is_told(
    tmp_path: Path, days: list[str], is_told: bool
) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources(
        'date_formats: ["%Y-%m-%d"]', 'date_formats: ["%d/%m/%Y", "%Y-%m-%d"]\n    max_rejected_share: 1'
    )
    lines = [f"NV-{n:03d},Việc {n},Tỉnh,{day},Đang thực hiện,50%" for n, day in enumerate(days)]
    (place.inbox / "tracker_2025-08-06.csv").write_text(
        "\n".join(["ma,noi_dung,cap,han,trang_thai,tien_do", *lines, ""]), encoding="utf-8"
    )
    warnings = place.list_warnings(place.validate_day("task_tracker", "2025-08-06"))
    assert [("due_date" in text and "changed places" in text) for text in warnings] == (
        [True] if is_told else []
    )


def test_of_a_source_that_writes_months_first_the_first_number_is_the_month() -> None:
    days = ["08/01/2025", "08/03/2025", "08/04/2025", "08/06/2025"]
    assert find_running_months(days, is_month_first=False) == "08/01/2025"
    assert find_running_months(days, is_month_first=True) is None
