"""Working days and hours of the demo's officials."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from pipelines.demo.clock import compute_due_times, shift_to_office_hours, to_seconds

CUT = to_seconds(datetime(2025, 8, 6, 16))


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (datetime(2025, 7, 4, 9), 1, datetime(2025, 7, 7, 17)),  # Friday → Monday
        (datetime(2025, 7, 5, 9), 1, datetime(2025, 7, 7, 17)),  # Saturday → Monday
        (datetime(2025, 7, 1, 9), 5, datetime(2025, 7, 8, 17)),  # over a week-end
    ],
)
def test_due_is_counted_in_working_days_without_the_day_of_receipt(
    received: datetime, days: int, due: datetime
) -> None:
    assert compute_due_times(np.array([to_seconds(received)]), np.array([days])) == [to_seconds(due)]


def test_officials_work_by_day_and_week() -> None:
    received = np.full(3, to_seconds(datetime(2025, 7, 1, 9)))
    steps = np.array([to_seconds(datetime(2025, 7, d, 3)) for d in (3, 5, 6)])  # Thursday, Saturday, Sunday
    moved = shift_to_office_hours(steps, received, CUT).astype("datetime64[s]").astype(datetime)
    assert [m.date().day for m in moved] == [3, 4, 7]
    assert all((7, 30) <= (m.hour, m.minute) <= (17, 30) for m in moved)


def test_steps_keep_their_order_and_never_precede_the_receipt() -> None:
    rng = np.random.default_rng(7)
    received = rng.integers(to_seconds(datetime(2025, 7, 1)), CUT, 20_000)
    early = received + rng.integers(1, 9 * 86_400, len(received))
    late = early + rng.integers(0, 3 * 86_400, len(received))
    moved_early, moved_late = (shift_to_office_hours(step, received, CUT) for step in (early, late))
    assert (moved_early <= moved_late).all()
    assert (moved_early >= received).all()
    assert ((moved_late > CUT) == (late > CUT)).all()
