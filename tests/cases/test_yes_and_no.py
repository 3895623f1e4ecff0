"""Words of yes and no: what has one meaning is read, anything else is told at the end of the run."""

from __future__ import annotations

from pathlib import Path

from tests.cases.case_place import CasePlace

DAY = "2025-08-06"


def test_yes_and_no_in_vietnamese_are_read_and_marks_are_told(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("channel:", "paid_online: da_tt\n      channel:")
    words = ["Có", "KHÔNG", "không", "true", "0", "", "x", "✓"]
    lines = [f"H42.18-250806-{n:04d},2025-08-06 08:00:00,2,18001,2,{word}" for n, word in enumerate(words)]
    (place.inbox / f"log_{DAY}.csv").write_text(
        "\n".join(["ma,thoi_diem,trang_thai,noi_nop,kenh,da_tt", *lines, ""]), encoding="utf-8"
    )
    day = place.validate_day("dossier_log", DAY)
    # Who says nothing did not pay: the default of the contract.
    assert [row["paid_online"] for row in day.accepted] == [
        True,
        False,
        False,
        True,
        False,
        False,
        None,
        None,
    ]
    [warning] = place.list_warnings(day)
    assert "dossier_log.paid_online_unknown: 2 rows" in warning and "'x'" in warning
