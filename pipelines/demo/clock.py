"""When things happen: by weekday and hour, in epoch seconds of local time (no zone, no DST)."""

from __future__ import annotations

from datetime import datetime

import numpy as np

DAY = 86_400
HOURS = np.array([0, 0, 0, 0, 0, 1, 2, 9, 16, 15, 12, 5, 3, 9, 14, 12, 8, 4, 3, 3, 2, 2, 1, 1], float)
WEEKDAYS = np.array([1.15, 1.1, 1.0, 1.0, 1.0, 0.16, 0.05])
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6
OFFICE_OPENS, OFFICE_SECONDS = 7 * 3600 + 1800, 10 * 3600


def to_seconds(moment: datetime) -> int:
    """Seconds since 1970-01-01 on the local clock."""
    return int((moment - datetime(1970, 1, 1)).total_seconds())


def draw_times(rng: np.random.Generator, count: int, first: datetime, last: datetime) -> np.ndarray:
    """`count` epoch seconds in [first, last] by weekday and hour of day: people submit in the morning."""
    hours = np.arange(to_seconds(first) // 3600, to_seconds(last) // 3600 + 1)
    weight = HOURS[hours % 24] * WEEKDAYS[to_weekday(hours * 3600)]
    if to_seconds(last) % 3600 == 0:
        weight[-1] = 0
    chosen = rng.choice(hours, count, p=weight / weight.sum()) * 3600 + rng.integers(0, 3600, count)
    return np.clip(chosen, to_seconds(first), to_seconds(last))


def to_weekday(moments: np.ndarray) -> np.ndarray:
    """0 = Monday; 1970-01-01 was a Thursday."""
    return (moments // DAY + 3) % 7


def shift_to_office_hours(moments: np.ndarray, received: np.ndarray, cut: int) -> np.ndarray:
    """Move officials' steps into working days and hours, keeping their order within a dossier.

    The map is monotone: a day is squeezed into 07:30–17:30, a Saturday into the end of its Friday,
    a Sunday into the start of its Monday. What would then fall on or before the day of receipt stays,
    and so does what follows `cut` on its day: a dossier open at the cut-off is not closed before it.
    """
    moments = moments.astype("int64")
    day, of_day = moments // DAY, moments % DAY / DAY
    which = to_weekday(moments)
    target = day - (which == SATURDAY) + (which == SUNDAY)
    share = np.select(
        [which == FRIDAY, which == SATURDAY, which == SUNDAY, which == MONDAY],
        [0.7 * of_day, 0.7 + 0.3 * of_day, 0.3 * of_day, 0.3 + 0.7 * of_day],
        of_day,
    )
    moved = target * DAY + OFFICE_OPENS + (share * OFFICE_SECONDS).astype("int64")
    stays = (target <= received // DAY) | ((moments > cut) & (day == cut // DAY))
    return np.where(stays, moments, moved)


def compute_due_times(received: np.ndarray, working_days: np.ndarray) -> np.ndarray:
    """17:00 on the last working day; the day of receipt is not counted (docs/domain.md §7)."""
    start = received.astype("datetime64[s]").astype("datetime64[D]")
    end = np.busday_offset(start, working_days, roll="backward")
    return end.astype("datetime64[s]").astype("int64") + 17 * 3600
