"""Inputs that were read right when they were found, and must stay so: ties, affinities, strict workbooks, old codes."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from tests.cases.case_place import CASES, CasePlace, build_relation

DOSSIERS, DAY = "dossier_log", "2025-08-06"


def test_states_of_one_midnight_end_in_the_latest_of_a_dossier_s_life(
    compiled: Settings, tmp_path: Path
) -> None:
    """Whatever the order of the rows: the three that were found, and two more."""
    header, *lines = (CASES / "midnight_ties" / "in" / f"log_{DAY}.csv").read_text("utf-8").splitlines()
    texts = [(CASES / "midnight_ties" / f"shuffled{n}.csv").read_text("utf-8") for n in (1, 2, 3)]
    for seed in (1, 2):
        random.Random(seed).shuffle(lines)
        texts.append("\n".join([header, *lines, ""]))
    for number, text in enumerate(texts):
        place = CasePlace("midnight_ties", tmp_path / str(number))
        (place.inbox / f"log_{DAY}.csv").write_text(text, encoding="utf-8")
        day = place.validate_day(DOSSIERS, DAY)
        assert not day.rejected
        rows = build_relation(place, compiled, "int_dossier_latest")
        last = {row["dossier_code"][-4:]: row["status_code"] for row in rows}
        assert last == {"0001": 10, "0002": 4, "0003": 9}


def test_sqlite_cells_land_as_they_stand_whatever_their_column_declares(tmp_path: Path) -> None:
    place = CasePlace("sqlite_affinity", tmp_path)
    place.change_sources("datetime_formats:", "max_rejected_share: 0.5\n    datetime_formats:")
    day = place.validate_day(DOSSIERS, DAY)
    assert {row["dossier_code"][-4:]: row["status_code"] for row in day.accepted} == {
        "0001": 2,
        "0002": 4,
        "0004": 10,
    }
    assert [row["recorded_at"] for row in day.accepted] == [datetime(2025, 8, 6, hour) for hour in (8, 9, 10)]
    assert list(day.rejected) == [3]
    seen = place.examine(DOSSIERS, DAY)
    assert any("seconds since 1970" in advice.text for advice in seen.advice if advice.about == "recorded_at")


@pytest.mark.parametrize("day", [DAY, "2025-08-07"])
def test_a_workbook_in_the_strict_form_is_read_whole(tmp_path: Path, day: str) -> None:
    rows = CasePlace("strict_ooxml", tmp_path).validate_day(DOSSIERS, day).accepted
    codes = {row["dossier_code"]: row["channel"] for row in rows}
    assert len(codes) == 20 and list(codes.values()).count("online") == 12
    assert all(row["received_at"] for row in rows if row["status_code"] == 2)


def test_a_code_that_two_units_had_counts_for_the_one_of_its_day(compiled: Settings, tmp_path: Path) -> None:
    place = CasePlace("reused_unit_code", tmp_path)
    day = place.validate_day(DOSSIERS, DAY)
    assert day.count_unexpected("receiving_unit_code_unlisted") == 1
    rows = build_relation(place, compiled, "int_dossier_latest")
    units = {row["dossier_code"][7:]: (row["original_unit_code"], row["receiving_unit_code"]) for row in rows}
    assert units == {
        "250630-0001": ("26740", "26740"), "250701-0001": ("26740", "26740"),
        "250630-0002": ("26743", "26740"), "250701-0002": ("26743", "26740"),
    }  # fmt: skip
    since = {row["dossier_code"][7:] for row in rows if row["received_day"] >= date(2025, 7, 1)}
    assert since == {"250701-0001", "250701-0002"}


def test_an_overlap_brings_what_came_late_and_pulling_again_what_changed(tmp_path: Path) -> None:
    """What lies outside the overlap, a correction and a deletion need the day pulled again (docs/pulling.md)."""
    place = CasePlace("late_commit", tmp_path)
    source, database = place.contracts.sources[DOSSIERS], place.inbox / "one_stop.sqlite"

    def pull(day: str) -> set[str]:
        path = land_partition(source, date.fromisoformat(day), place.settings, run_id="t").path
        return {row["dossier_code"] for row in pq.read_table(path).to_pylist()}

    shutil.copy(place.inbox / "night1.sqlite", database)
    first = pull("2025-08-05")
    shutil.copy(place.inbox / "night2.sqlite", database)
    with closing(sqlite3.connect(database)) as con:
        of_the_fifth = {code for (code,) in con.execute("select code from log where synced < '2025-08-06'")}
    late = pull("2025-08-06") - first
    again = pull("2025-08-05")
    assert len(first) == 20 and len(again) == 21 and again == of_the_fifth
    assert len(late & of_the_fifth) == 1
    assert len(first - again) == 1
