"""When the watch speaks: limits from the environment, each with a default and the reason for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from pipelines.settings import SettingsError

VARIABLES = {
    "release_by": "THONGSUOT_RELEASE_BY",
    "free_share": "THONGSUOT_DISK_FREE",
    "days_until_full": "THONGSUOT_DISK_DAYS",
    "backup_hours": "THONGSUOT_BACKUP_HOURS",
    "verify_days": "THONGSUOT_VERIFY_DAYS",
    "digest_at": "THONGSUOT_DIGEST_AT",
}


@dataclass(frozen=True)
class Thresholds:
    """Local times, shares from 0 to 1, hours and days."""

    # Offices open at seven: an hour is left to do something about it.
    release_by: time = time(6, 0)
    # A night writes its warehouse anew beside what is there, and a file system slows down when it is nearly full.
    free_share: float = 0.10
    # Two weeks are what ordering a disk, or a decision what to prune, takes.
    days_until_full: int = 14
    # A backup each night, and two hours for one that took longer than the night before.
    backup_hours: int = 26
    # The schedule verifies on Sundays: a week, and a day to do it by hand.
    verify_days: int = 8
    # No digest unless somebody wants one: a message that comes every day is read by nobody after a month.
    digest_at: time | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Thresholds:
        """SettingsError names the variable that cannot be used, and an example."""
        env = os.environ if env is None else env
        values = {field: _read(field, text) for field, name in VARIABLES.items() if (text := env.get(name))}
        return cls(**values)


def _read(field: str, text: str) -> Any:
    reader, example = READERS[field]
    try:
        return reader(text.strip())
    except ValueError:
        raise SettingsError(f"{VARIABLES[field]} is {text!r}: write {example}.") from None


def _read_time(text: str) -> time:
    moment = time.fromisoformat(text)
    if moment == time(0, 0) or moment.tzinfo:
        raise ValueError
    return moment


def _read_share(text: str) -> float:
    share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 < share < 1:
        raise ValueError
    return share


def read_count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


A_TIME, A_COUNT = "a local time after midnight such as 06:00", "a whole number above 0"
READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "release_by": (_read_time, A_TIME),
    "digest_at": (_read_time, A_TIME),
    "free_share": (_read_share, "a share such as 10%"),
    "days_until_full": (read_count, A_COUNT),
    "backup_hours": (read_count, A_COUNT),
    "verify_days": (read_count, A_COUNT),
}
