"""Per cents keep their scale from every format: a cell that shows 100 % is never 1 %."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.case_place import CasePlace


@pytest.mark.parametrize("day", ["2025-08-06", "2025-08-07"])
def test_a_cell_that_shows_100_per_cent_is_never_published_as_1(tmp_path: Path, day: str) -> None:
    result = CasePlace("native_percent", tmp_path).validate_day("task_tracker", day)
    assert {row["progress"] for row in result.accepted} <= {100, 72, 0, 50}
    assert len(result.accepted) + len(result.rejected) == 5


def test_numbers_without_a_sign_have_no_value_until_their_scale_is_known(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    file = place.inbox / "tracker_2025-08-06.csv"
    file.write_text(
        file.read_text(encoding="utf-8").replace("100%", "1").replace("50%", "0"), encoding="utf-8"
    )
    seen = place.examine("task_tracker", "2025-08-06")
    assert any("percent_scale" in advice.text for advice in seen.advice if advice.about == "progress")
    day = place.validate_day("task_tracker", "2025-08-06")
    assert day.rejected == {1: {"progress_unparseable"}}
    assert day.report.blocked
    place.change_sources("progress: tien_do", "progress: {raw: tien_do, percent_scale: fraction}")
    again = place.validate_day("task_tracker", "2025-08-06")
    assert [row["progress"] for row in again.accepted] == [100, 0]
