"""A deadline that is told as a day is the end of it, whatever hour a program made of the day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.cases.case_place import CasePlace

DAY = "2025-08-06"
LAST = datetime(2025, 8, 6, 23, 59, 59)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-08-06", LAST),
        ("2025-08-06 00:00:00", LAST),  # a database's day
        ("2025-08-06 00:00:01", datetime(2025, 8, 6, 0, 0, 1)),
        ("2025-08-06 16:30:00", datetime(2025, 8, 6, 16, 30)),
    ],
)
def test_a_dossier_due_on_a_day_is_not_late_on_it(tmp_path: Path, text: str, value: datetime) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("channel:", "received_at: ngay_nhan\n      due_at: hen_tra\n      channel:")
    place.change_sources('["%Y-%m-%d %H:%M:%S"]', '["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]')
    line = f"H42.18-250806-0001,2025-08-06 08:00:00,2,18001,2,2025-08-06 00:00:00,{text}"
    (place.inbox / f"log_{DAY}.csv").write_text(
        f"ma,thoi_diem,trang_thai,noi_nop,kenh,ngay_nhan,hen_tra\n{line}\n", encoding="utf-8"
    )
    [row] = place.validate_day("dossier_log", DAY).accepted
    # Only deadlines: what was received on a day may have been received at its first moment.
    assert (row["due_at"], row["received_at"]) == (value, datetime(2025, 8, 6))


def test_an_issue_due_on_a_day_is_not_late_on_it(tmp_path: Path) -> None:
    place = CasePlace("closed_before_opened", tmp_path)
    (place.inbox / f"requests_{DAY}.csv").write_text(
        "service_request_id,requested_datetime,agency,status,expected_datetime,closed_datetime,updated_datetime\n"
        f"VM-1,2025-08-05T08:00:00,18001,open,{DAY}T00:00:00,,\nVM-2,2025-08-05T08:00:00,18001,open,,,\n",
        encoding="utf-8",
    )
    assert [row["due_at"] for row in place.validate_day("issue_register", DAY).accepted] == [LAST, None]
