"""Native dates beside texts: day and month exchanged by a spreadsheet is refused by its cause, and only that."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources.contracts.column import Column
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.mixtures import MomentMixtures
from tests.cases.case_place import CasePlace

DUE = Column(name="due_date", type="date")


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
        (date(2025, 5, 8), datetime(2025, 4, 7), "13/08/2025", "31/07/2025 10:00"),
        # The other way round: texts month first, opened where the day stands first.
        (date(2025, 5, 8), date(2025, 4, 7), "08/13/2025", "7-31-2025"),
    ],
)
def test_dates_that_could_be_exchanged_beside_texts_that_could_not_are_refused(
    cells: tuple[Any, ...],
) -> None:
    with pytest.raises(ValueError, match="sheet S: column 'due_date' holds 2 native dates"):
        mixture_of(*cells).check("S")


@pytest.mark.parametrize(
    ("cells", "notes"),
    [
        ((date(2025, 5, 8), date(2025, 4, 17), "13/08/2025", "31/07/2025"), 1),
        ((date(2025, 5, 8), date(2025, 4, 7), "13/08/2025", "01/07/2025"), 1),
        ((date(2025, 5, 8), date(2025, 4, 7), "2025-08-13", "2025-08-14"), 1),
        ((date(2025, 5, 8), "13/08/2025"), 1),
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
