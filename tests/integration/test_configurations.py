"""Two places that are not the demo, by configuration alone: counted by hand, run end to end.

The demo itself is the third configuration (test_small_province).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from pipelines.settings import PROJECT, Settings
from tests.configurations.one_stop_workbook import write_export

pytestmark = pytest.mark.slow

CONFIGURATIONS = Path(__file__).parents[1] / "configurations"


class Place(NamedTuple):
    """A place's own files as the data directory, and the operator's command on it."""

    data: Path
    sources: Path

    def thongsuot(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run("pipelines.cli", *words)

    def run_night(self, days: str, build: str = "--models") -> None:
        """By dbt, since another contract compiles to other SQL; its data tests are tried on the demo."""
        self._run("tests.nights", build, days)

    def _run(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "THONGSUOT_DATA": str(self.data),
            "THONGSUOT_SOURCES": str(self.sources),
            "COLUMNS": "200",
            # Nothing may depend on the clock of the machine.
            "TZ": "America/Los_Angeles",
        }
        process = subprocess.run(
            [sys.executable, "-m", module, *words], env=environment, cwd=PROJECT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
        return process

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.data / "exports" / "marts.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()


def copy_place(name: str, data: Path, compiled: Settings) -> Place:
    """The project is parsed there: what dbt parses is the same for every place."""
    shutil.copytree(CONFIGURATIONS / name, data)
    shutil.copytree(compiled.dbt_target, Settings(data=data).dbt_target)
    return Place(data, data / "sources.yaml")


@pytest.fixture(scope="module")
def municipality(tmp_path_factory: pytest.TempPathFactory, compiled: Settings) -> Place:
    place = copy_place("municipality", tmp_path_factory.mktemp("muni") / "data", compiled)
    place.run_night("2025-10-25..2025-10-27")
    return place


@pytest.fixture(scope="module")
def one_stop(tmp_path_factory: pytest.TempPathFactory, compiled: Settings) -> Place:
    """Two exports of the whole table: what was typed late, corrected and new in the second one."""
    place = copy_place("one_stop_export", tmp_path_factory.mktemp("one_stop") / "data", compiled)
    folder = place.data / "exports_of_the_one_stop"
    d1 = ("D1", "18001", "Trực tuyến", "01/07/2025 08:00", "01/07/2025 09:00", "10/07/2025 17:00",
          "08/07/2025 10:00", "09/07/2025 14:00", "Đã trả kết quả")  # fmt: skip
    d3 = ("D3", "18001", "Trực tuyến", "03/07/2025 08:00", "03/07/2025 08:30", "08/08/2025 17:00", "-", "",
          "Chờ bổ sung")  # fmt: skip
    # D2's result of 4 August is entered only on the 6th; D5's was entered by mistake and taken back.
    write_export(
        folder / "2025-08-05.xlsx",
        [
            d1,
            ("D2", "18002", "Trực tiếp", "", "02/07/2025 08:30", "05/08/2025 17:00", "", "", "Đang xử lý"),
            d3,
            ("D4", "18002", "Trực tuyến", "04/08/2025 20:00", "", "", "", "", "Mới đăng ký"),
            ("D5", "H42.01", "Bưu chính", "", "04/08/2025 15:00", "20/08/2025 17:00", "05/08/2025 09:00", "",
             "Đã có kết quả"),
        ],
    )  # fmt: skip
    write_export(
        folder / "2025-08-06.xlsx",
        [
            d1,
            ("D2", "18002", "Trực tiếp", "", "02/07/2025 08:30", "05/08/2025 17:00", "04/08/2025 16:00", "",
             "Đã có kết quả"),
            d3,
            ("D4", "18002", "Trực tuyến", "04/08/2025 20:00", "06/08/2025 08:00", "16/08/2025 17:00", "", "",
             "Đang xử lý"),
            ("D5", "H42.01", "Bưu chính", "", "04/08/2025 15:00", "20/08/2025 17:00", "", "", "Đang xử lý"),
            ("D6", "18001", "Trực tuyến", "06/08/2025 09:00", "06/08/2025 10:00", "16/08/2025 17:00", "", "",
             "Đang xử lý"),
        ],
    )  # fmt: skip
    place.run_night("2025-08-01..2025-08-06")
    return place


def test_the_municipality_counts_its_own_days_across_the_change_of_the_clock(municipality: Place) -> None:
    # C3 came 30 seconds before midnight in Berlin, C7 half an hour after it (written in UTC);
    # C4 to C6 lie in the day of 25 hours.
    assert municipality.rows(
        "select received_day::varchar, sum(received), sum(received) filter (channel = 'online') "
        "from marts.submission_by_channel_daily group by 1 order by 1"
    ) == [("2025-10-25", 3, 2), ("2025-10-26", 3, 1), ("2025-10-27", 1, 1)]


def test_the_departments_are_its_units_and_its_whole_is_their_sum(municipality: Place) -> None:
    assert municipality.rows(
        "select unit_code, unit_level, numerator, denominator from marts.online_submission_rate "
        "where period = 'since_start' and as_of_day = date '2025-10-27' order by 1"
    ) == [
        ("BLD", "department", 1, 2),
        ("REG", "department", 3, 3),
        ("SOC", "department", 0, 2),
        ("province", "province", 4, 7),
    ]


def test_its_activities_are_states_and_its_clock_is_the_departments_own(municipality: Place) -> None:
    assert municipality.rows(
        "select dossier_code, status_code, strftime(received_at, '%d %H:%M'), is_open "
        "from marts.dossier_register where dossier_code in ('C1', 'C2', 'C5') order by 1"
    ) == [("C1", 10, "25 09:00", False), ("C2", 7, "25 10:30", False), ("C5", 4, "26 02:30", True)]


def test_a_place_without_trackers_ranking_procedures_or_cutoffs_has_empty_marts(municipality: Place) -> None:
    for mart in ("task_ledger", "issue_backlog", "online_submission_headline", "dim_procedure"):
        assert municipality.rows(f"select count(*) from marts.{mart}") == [(0,)]
    # Its holidays are its own: 31 October is none in Berlin, 3 October is.
    assert municipality.rows(
        "select is_working_day from marts.dim_date "
        "where date_day in ('2025-10-03', '2025-10-31') order by date_day"
    ) == [(False,), (True,)]


def test_status_says_in_words_what_the_place_does_not_have(municipality: Place) -> None:
    output = " ".join(municipality.thongsuot("status").stdout.split())
    # C1, C3, C4 and C7 of seven came online.
    assert "online submission rate 57.14 % (4 / 7)" in output
    assert "cut-off none yet; counted to 2025-10-27 23:59:59" in output
    assert "national rank not ranked" in output
    assert "provincial tasks no task tracker" in output and "open issues no issue register" in output
    assert "None" not in output and "n/a" not in output


def test_a_table_of_dossiers_answers_for_days_before_its_first_export(one_stop: Place) -> None:
    # Received: D1 on 1 July, D2 and D3 on the days after it, D5 on 4 August, D4 and D6 on 6 August.
    assert one_stop.rows(
        "select strftime(as_of_day, '%d/%m'), numerator, denominator from marts.online_submission_rate "
        "where period = 'since_start' and unit_code = 'province' "
        "and strftime(as_of_day, '%d/%m') in ('01/07', '02/07', '03/07', '03/08', '04/08', '05/08', '06/08') "
        "order by as_of_day"
    ) == [
        ("01/07", 1, 1), ("02/07", 1, 2), ("03/07", 2, 3), ("03/08", 2, 3),
        ("04/08", 2, 4), ("05/08", 2, 4), ("06/08", 4, 6),
    ]  # fmt: skip
    assert one_stop.rows("select received, online, returned from marts.online_submission_headline") == [
        (4, 2, 1)
    ]


def test_the_newest_export_says_all_about_a_dossier(one_stop: Place) -> None:
    assert one_stop.rows(
        "select dossier_code, status_code, is_open, strftime(finished_at, '%d/%m %H:%M') "
        "from marts.dossier_register order by 1"
    ) == [
        ("D1", 10, False, "08/07 10:00"),
        ("D2", 9, False, "04/08 16:00"),
        ("D3", 5, True, None),
        ("D4", 4, True, None),
        ("D5", 4, True, None),
        ("D6", 4, True, None),
    ]


def test_both_exports_are_kept_and_every_row_is_accounted_for(one_stop: Place) -> None:
    # 5 August: D1 4 states, D2 2, D3 3, D4 1, D5 2. 6 August: D1 4, D2 2, D3 3, D4 3, D5 2, D6 3.
    assert one_stop.rows(
        "select partition_key::varchar, rows_read, is_current from audit.batches "
        "where source = 'dossier_log' order by 1"
    ) == [("2025-08-05", 12, False), ("2025-08-06", 17, True)]
    assert one_stop.rows(
        "select bool_and(is_balanced), sum(rows_rejected) from audit.reconciliation where source = 'dossier_log'"
    ) == [(True, 0)]


def test_no_person_of_either_place_comes_to_rest(municipality: Place, one_stop: Place) -> None:
    for place, names in (
        (municipality, ("Erika Muster", "Beispiel")),
        (one_stop, ("Nguyễn Văn Mẫu", "0912345678")),
    ):
        for path in (p for part in ("landing", "quality") for p in (place.data / part).rglob("*.parquet")):
            with duckdb.connect() as con:
                rows_text = str(con.execute(f"from read_parquet('{path}')").fetchall())
            assert not any(name in rows_text for name in names), path


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, compiled: Settings) -> Place:
    """Its files lie beside its sources.yaml, not in the data directory."""
    own = tmp_path_factory.mktemp("town")
    shutil.copytree(CONFIGURATIONS / "foreign_town", own / "files")
    shutil.copytree(compiled.dbt_target, Settings(data=own / "data").dbt_target)
    place = Place(own / "data", own / "files" / "sources.yaml")
    place.run_night("2012-03-05..2012-03-09")
    return place


def test_a_town_of_another_decade_counts_its_own_days(town: Place) -> None:
    # A3 came at 11:30 UTC on the 6th: half past midnight of the 7th there.
    assert town.rows(
        "select strftime(as_of_day, '%d/%m'), numerator, denominator, unit_name from marts.online_submission_rate "
        "where period = 'since_start' and unit_level = 'province' and as_of_day between '2012-03-05' and '2012-03-09' "
        "order by as_of_day"
    ) == [
        ("05/03", 1, 1, "Port Harbour"), ("06/03", 1, 2, "Port Harbour"), ("07/03", 2, 3, "Port Harbour"),
        ("08/03", 2, 3, "Port Harbour"), ("09/03", 2, 3, "Port Harbour"),
    ]  # fmt: skip
    # Offices are the level of its units: they have ranks among themselves.
    assert town.rows(
        "select unit_code, numerator, denominator, rank_in_level from marts.online_submission_rate "
        "where period = 'since_start' and unit_level = 'office' and as_of_day = '2012-03-09' order by 1"
    ) == [("PLAN", 1, 2, 2), ("ROAD", 1, 1, 1)]
    # Waitangi Day is the 6th of February; its history is one batch.
    assert town.rows("select is_working_day from marts.dim_date where date_day = '2012-02-06'") == [(False,)]
    assert town.rows(
        "select source, partition_key::varchar, rows_read from audit.batches "
        "where source not like 'reference%' order by 1, 2"
    ) == [
        ("dossier_log", "2012-03-09", 4), ("task_tracker", "2012-03-08", 5), ("task_tracker", "2012-03-09", 5),
    ]  # fmt: skip


def test_its_reported_words_decide_and_are_marked(town: Place) -> None:
    """T1 was closed when its day came; T2 a day late; T3 was closed at first sight, a week after its day."""
    assert town.rows(
        "select task_code, bucket, is_done_by_word, days_late, conflict from marts.task_ledger order by 1"
    ) == [
        ("T1", "done_on_time", True, None, None), ("T2", "done_late", True, 1, None),
        ("T3", "done_no_due", True, None, None), ("T4", "open_in_term", False, None, None),
        ("T5", "open_overdue", False, 4, None),
    ]  # fmt: skip


def test_status_of_the_town_says_nothing_of_viet_nam(town: Place) -> None:
    output = " ".join(town.thongsuot("status").stdout.split())
    assert "online submission rate 66.67 % (2 / 3)" in output
    assert "5 = 3 completed + 1 in term + 1 overdue" in output and "no issue register" in output
    rules = town.rows(
        "select distinct rule from audit.checks where rule like '%malformed' or rule = 'due_before_start'"
    )
    assert rules == [] and town.rows(
        "select count(*) from audit.checks where rule = 'task_code_of_ours'"
    ) == [(2,)]
    texts = town.rows("select distinct unit_name from marts.online_submission_rate order by 1")
    assert texts == [("Planning",), ("Port Harbour",), ("Roads",)]
