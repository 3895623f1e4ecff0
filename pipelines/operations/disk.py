"""How much of the disk each part of the data directory uses, and when the disk is full at this pace."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pipelines.plain_files import walk_below
from pipelines.settings import Settings

GIB = 2**30
# Fewer days than these say nothing of a pace: one backfill would be taken for it.
LEAST_DAYS = 3


class DiskUse(NamedTuple):
    """Bytes of the file system that holds the data directory."""

    total: int
    free: int

    @property
    def free_share(self) -> float:
        return self.free / self.total


class DiskSample(NamedTuple):
    """Free bytes at a moment (local time, ISO form)."""

    at: str
    free: int


def measure_disk(settings: Settings) -> DiskUse:
    usage = shutil.disk_usage(settings.data)
    return DiskUse(usage.total, usage.free)


def measure_parts(settings: Settings) -> dict[str, int]:
    """Name under the data directory → bytes on disk, the largest first. What goes while it is measured counts as 0."""
    sizes = {}
    for path in settings.data.iterdir():
        sizes[path.name] = _measure(path)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _measure(path: Path) -> int:
    size = 0
    with suppress(OSError):
        size = path.lstat().st_blocks * 512
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            for folder, _, names in walk_below(path):
                for name in names:
                    with suppress(OSError):
                        size += (folder / name).lstat().st_blocks * 512
    return size


def add_sample(samples: Sequence[DiskSample], sample: DiskSample, days: int = 30) -> list[DiskSample]:
    """One sample of each day, the last; those of the last `days`, and none from a day that is still to come."""
    earliest = str((datetime.fromisoformat(sample.at) - timedelta(days=days)).date())
    by_day = {one.at[:10]: one for one in (*samples, sample)}
    return [by_day[day] for day in sorted(by_day) if earliest <= day <= sample.at[:10]]


def forecast_days(samples: Sequence[DiskSample]) -> float | None:
    """Days from the last sample until nothing is free, at the pace since the first; None where that is no pace."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    days = (datetime.fromisoformat(last.at) - datetime.fromisoformat(first.at)) / timedelta(days=1)
    spent = first.free - last.free
    if days < LEAST_DAYS or spent <= 0:
        return None
    return last.free / (spent / days)


def spell_size(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:.1f} MiB"
